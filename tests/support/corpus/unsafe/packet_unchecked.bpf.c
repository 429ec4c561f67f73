/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Reads the packet without looking at data_end. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx) { return ((u8 *)(long)ctx->data)[0] & 1; }

LICENSE;
