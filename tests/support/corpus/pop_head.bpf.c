/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_head downwards by the IPv4 header's own length, a number out of the packet. */
#include "common.h"

SEC("xdp") int pop_head(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth), copy;
    struct ipv4 *ip;
    u32 length;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip || ip->protocol != 4)
        return XDP_PASS;
    copy = *eth;
    length = (ip->version_length & 15) * 4;
    if (bpf_xdp_adjust_head(ctx, (int)length))
        return XDP_ABORTED;
    eth = (void *)(long)ctx->data;
    if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
        return XDP_ABORTED;
    *eth = copy;
    return XDP_TX;
}

LICENSE;
