/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A helper that wants the context gets it eight bytes off. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx)
{
    asm volatile("r1 += 8; r2 = 0; call 44; r0 = 2; exit;");
}

LICENSE;
