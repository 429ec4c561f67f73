/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Rewrites an address and mends the checksum by csum_diff. */
#include "common.h"

static __always_inline u16 fold(u32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (u16)~sum;
}

SEC("xdp") int nat_csum(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    __be32 before, after = bpf_htonl(0xc0a80001);
    struct ipv4 *ip;
    s64 sum;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip)
        return XDP_PASS;
    before = ip->source;
    sum = bpf_csum_diff(&before, 4, &after, 4, (u16)~ip->checksum);
    if (sum < 0)
        return XDP_ABORTED;
    ip->source = after;
    ip->checksum = fold((u32)sum);
    return XDP_TX;
}

LICENSE;
