/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A called function moves the packet; the caller goes on with its old pointer. */
#include "../common.h"

static __noinline int shrink(struct xdp_md *ctx) { return (int)bpf_xdp_adjust_head(ctx, 4); }

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    if (shrink(ctx))
        return XDP_PASS;
    return data[0] & 1;
}

LICENSE;
