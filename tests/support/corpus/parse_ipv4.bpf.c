/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* IPv4 with options, TCP and UDP ports. */
#include "common.h"

SEC("xdp") int parse_ipv4(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip;
    struct ports *ports;
    u32 header;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip)
        return XDP_ABORTED;
    header = (ip->version_length & 15) * 4;
    if (header < sizeof(*ip))
        return XDP_ABORTED;
    cursor.at = (void *)ip + header;
    if (ip->fragment & bpf_htons(0x1fff))
        return XDP_DROP;
    if (ip->protocol != PROTO_TCP && ip->protocol != PROTO_UDP)
        return XDP_PASS;
    ports = TAKE(&cursor, struct ports);
    if (!ports)
        return XDP_ABORTED;
    if (ports->target == bpf_htons(443))
        return XDP_TX;
    return ports->target == bpf_htons(53) ? XDP_DROP : XDP_PASS;
}

LICENSE;
