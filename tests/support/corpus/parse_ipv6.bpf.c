/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* IPv6 with a bounded walk over extension headers. */
#include "common.h"

struct extension {
    u8 next, length;
} __attribute__((packed));

SEC("xdp") int parse_ipv6(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv6 *ip;
    u8 next;

    if (!eth || eth->type != bpf_htons(ETH_IPV6))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv6);
    if (!ip)
        return XDP_ABORTED;
    next = ip->next;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        struct extension *extension;

        if (next != 0 && next != 43 && next != 60)
            break;
        extension = TAKE(&cursor, struct extension);
        if (!extension)
            return XDP_ABORTED;
        next = extension->next;
        cursor.at = (void *)extension + ((u32)extension->length + 1) * 8;
    }
    if (next == 44)
        return XDP_DROP;
    return next == PROTO_UDP ? XDP_TX : XDP_PASS;
}

LICENSE;
