/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The end was checked before it moved. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 60 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    bpf_xdp_adjust_tail(ctx, -40);
    data[59] = 1;
    return XDP_TX;
}

LICENSE;
