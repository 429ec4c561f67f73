/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* r1 is gone after a call. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx)
{
    asm volatile("call 5; r0 = *(u32 *)(r1 + 12); exit;");
}

LICENSE;
