/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Takes a number for a pointer. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx) { return *(volatile u8 *)(u64)ctx->rx_queue_index; }

LICENSE;
