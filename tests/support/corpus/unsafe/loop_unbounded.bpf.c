/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Ends only if a number of the packet's choosing is met: up to 2^64 turns. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    u64 limit, turns = 0;

    if (data + 16 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    limit = *(u64 *)data;
    for (u64 i = 0; i < limit; i++)
        asm volatile("%0 += 3;" : "+r"(turns));
    return turns & 1;
}

LICENSE;
