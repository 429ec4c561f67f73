/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Global functions in .text, and two programs that share them. */
#include "common.h"

u32 calls;

__attribute__((noinline)) int weigh(u32 length, u32 factor)
{
    volatile u32 scaled = length * factor;

    calls++;
    return (int)(scaled >> 3);
}

__attribute__((noinline)) int judge(u32 weight)
{
    if (weight > 300)
        return XDP_DROP;
    return weigh(weight, 2) > 20 ? XDP_TX : XDP_PASS;
}

SEC("xdp") int light(struct xdp_md *ctx)
{
    return judge((u32)weigh(ctx->data_end - ctx->data, 4));
}

SEC("xdp/heavy") int heavy(struct xdp_md *ctx)
{
    return judge((u32)weigh(ctx->data_end - ctx->data, 40));
}

LICENSE;
