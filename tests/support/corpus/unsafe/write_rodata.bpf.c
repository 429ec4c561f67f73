/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Writes to a constant. */
#include "../common.h"

const volatile u32 fixed = 5;

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    *(volatile u32 *)&fixed = 6;
    return XDP_PASS;
}

LICENSE;
