/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Uses a packet pointer from before the packet moved. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    if (bpf_xdp_adjust_head(ctx, 8))
        return XDP_PASS;
    return data[0] & 1;
}

LICENSE;
