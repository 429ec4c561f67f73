/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Never ends. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    asm volatile("r1 = 0; 1: r1 += 1; goto 1b;" : : : "r1");
    return XDP_PASS;
}

LICENSE;
