/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Every field of the context that an ingress program may read. */
#include "common.h"

u32 ifindex, queue, length, meta_length;

SEC("xdp") int context_fields(struct xdp_md *ctx)
{
    ifindex += ctx->ingress_ifindex != 0;
    queue += ctx->rx_queue_index;
    length = ctx->data_end - ctx->data;
    meta_length += ctx->data - ctx->data_meta;
    return XDP_PASS;
}

LICENSE;
