/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The last instruction is no exit. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx) { asm volatile("r0 = 2;"); }

LICENSE;
