/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Overwrites part of a spilled pointer, fills it again and uses it. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx)
{
    asm volatile("*(u64 *)(r10 - 8) = r1;"
                 "r2 = 7;"
                 "*(u8 *)(r10 - 8) = r2;"
                 "r1 = *(u64 *)(r10 - 8);"
                 "r0 = *(u32 *)(r1 + 12);"
                 "exit;");
}

LICENSE;
