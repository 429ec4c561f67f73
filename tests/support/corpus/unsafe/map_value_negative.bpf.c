/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A signed index with an upper bound only. */
#include "../common.h"

u8 table[64];

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    s64 index;

    if (data + 16 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    index = *(s64 *)data;
    if (index > 63)
        return XDP_DROP;
    table[index] = 1;
    return XDP_PASS;
}

LICENSE;
