/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* An index that may be one too far: 0..16 into 16 bytes. */
#include "../common.h"

u8 table[16];

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u64 index = ctx->data_end - ctx->data;

    if (index > 16)
        index = 16;
    asm volatile("" : "+r"(index));
    if (index > 16)
        return XDP_DROP;
    table[index] = 1;
    return XDP_PASS;
}

LICENSE;
