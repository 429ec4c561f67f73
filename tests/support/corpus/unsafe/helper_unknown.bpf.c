/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Calls a helper that does not exist. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx) { asm volatile("call 4000; r0 = 2; exit;"); }

LICENSE;
