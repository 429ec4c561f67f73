/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Ends without a result. */
#include "../common.h"

SEC("xdp") __attribute__((naked)) int unsafe(struct xdp_md *ctx) { asm volatile("exit;"); }

LICENSE;
