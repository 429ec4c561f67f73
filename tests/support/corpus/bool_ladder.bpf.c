/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Many branches that join again: work for state pruning. */
#include "common.h"

SEC("xdp") int bool_ladder(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    u32 score = 0;

    if (data + 26 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
#pragma unroll
    for (int i = 0; i < 12; i++) {
        if (data[i] & 1)
            score += 3;
        if (data[i + 14] > data[i])
            score ^= 5;
    }
    return score > 20 ? XDP_DROP : XDP_TX;
}

LICENSE;
