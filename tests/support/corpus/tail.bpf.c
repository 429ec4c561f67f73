/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_tail: cuts long packets, lengthens short ones, whose new bytes are zero. */
#include "common.h"

SEC("xdp") int tail(struct xdp_md *ctx)
{
    u32 length = ctx->data_end - ctx->data;
    u8 *data;

    if (length > 100) {
        if (bpf_xdp_adjust_tail(ctx, 100 - (int)length))
            return XDP_ABORTED;
        return XDP_DROP;
    }
    if (bpf_xdp_adjust_tail(ctx, 16))
        return XDP_ABORTED;
    data = (void *)(long)ctx->data;
    if (data + 30 > (u8 *)(long)ctx->data_end)
        return XDP_ABORTED;
    data[20] ^= 0xff;
    return XDP_TX;
}

LICENSE;
