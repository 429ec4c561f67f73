/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Writes below the 512 bytes of the frame. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx)
{
    asm volatile("r0 = 0; *(u64 *)(r10 - 520) = r0; exit;");
}

LICENSE;
