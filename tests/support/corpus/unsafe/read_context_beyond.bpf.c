/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Reads past struct xdp_md. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx)
{
    asm volatile("r0 = *(u32 *)(r1 + 24); exit;");
}

LICENSE;
