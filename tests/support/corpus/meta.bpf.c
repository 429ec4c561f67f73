/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_meta: room before the packet, written and read back, then given up again. */
#include "common.h"

u32 read_back;

SEC("xdp") int meta(struct xdp_md *ctx)
{
    u32 *mark;

    if (bpf_xdp_adjust_meta(ctx, -8))
        return XDP_ABORTED;
    mark = (void *)(long)ctx->data_meta;
    if ((void *)(mark + 2) > (void *)(long)ctx->data)
        return XDP_ABORTED;
    mark[0] = 0xfeedc0de;
    mark[1] = ctx->data_end - ctx->data;
    read_back = mark[0] ^ mark[1];
    return bpf_xdp_adjust_meta(ctx, 8) ? XDP_ABORTED : XDP_PASS;
}

LICENSE;
