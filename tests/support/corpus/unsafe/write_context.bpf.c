/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Writes to the context. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    asm volatile("r2 = 0; *(u32 *)(%0 + 16) = r2;" : : "r"(ctx) : "r2", "memory");
    return XDP_PASS;
}

LICENSE;
