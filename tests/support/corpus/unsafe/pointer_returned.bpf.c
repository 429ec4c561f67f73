/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Gives the context's address back as its verdict. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx) { asm volatile("r0 = r1; exit;"); }

LICENSE;
