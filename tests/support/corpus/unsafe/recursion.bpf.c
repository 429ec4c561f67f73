/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A function that calls itself. */
#include "../common.h"

static __noinline int again(u64 depth)
{
    asm volatile("" : "+r"(depth));
    return depth ? again(depth - 1) + 1 : 0;
}

SEC("xdp") int unsafe(struct xdp_md *ctx) { return again(ctx->rx_queue_index); }

LICENSE;
