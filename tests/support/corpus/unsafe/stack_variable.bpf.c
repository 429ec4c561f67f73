/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A stack write at an offset of the packet's choosing. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    u64 offset;

    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    offset = data[0];
    asm volatile("r1 = r10; r1 += -128; r1 += %0; r2 = 0; *(u8 *)(r1 + 0) = r2;" : : "r"(offset) : "r1", "r2", "memory");
    return XDP_PASS;
}

LICENSE;
