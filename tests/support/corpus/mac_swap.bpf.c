/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Swaps MACs and addresses in place and sends back. */
#include "common.h"

SEC("xdp") int mac_swap(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip;
    __be32 address;
    u8 mac[6];

    if (!eth)
        return XDP_ABORTED;
    __builtin_memcpy(mac, eth->dst, 6);
    __builtin_memcpy(eth->dst, eth->src, 6);
    __builtin_memcpy(eth->src, mac, 6);
    if (eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip || ip->ttl <= 1)
        return XDP_DROP;
    ip->ttl--;
    address = ip->source;
    ip->source = ip->target;
    ip->target = address;
    return XDP_TX;
}

LICENSE;
