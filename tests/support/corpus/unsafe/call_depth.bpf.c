/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Nine functions deep. */
#include "../common.h"

#define LEVEL(here, below)                                                                         \
    static __noinline int here(u64 value)                                                          \
    {                                                                                              \
        asm volatile("" : "+r"(value));                                                            \
        return below(value + 1) + 1;                                                               \
    }

static __noinline int last(u64 value)
{
    asm volatile("" : "+r"(value));
    return (int)value;
}
LEVEL(l7, last) LEVEL(l6, l7) LEVEL(l5, l6) LEVEL(l4, l5) LEVEL(l3, l4) LEVEL(l2, l3) LEVEL(l1, l2) LEVEL(l0, l1)

SEC("xdp") int unsafe(struct xdp_md *ctx) { return l0(ctx->rx_queue_index); }

LICENSE;
