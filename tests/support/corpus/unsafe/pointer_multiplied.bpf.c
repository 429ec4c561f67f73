/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Arithmetic that makes no pointer: the stack's address times two, then used. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx)
{
    asm volatile("r2 = r10; r2 *= 2; r0 = *(u64 *)(r2 - 8); exit;");
}

LICENSE;
