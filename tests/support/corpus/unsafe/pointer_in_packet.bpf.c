/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Writes the context's address into the packet. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 16 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    asm volatile("*(u64 *)(%0 + 0) = %1;" : : "r"(data), "r"(ctx) : "memory");
    return XDP_TX;
}

LICENSE;
