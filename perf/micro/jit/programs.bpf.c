/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The ten programs of jit_bench. One source for all sides: eBPF for the JIT, the interpreter, the kernel and (those without maps,
 * helpers and loops, with PACKET_IN_R1) DPDK; native code by including it into native.cc. */
#include "perf/micro/jit/source.h"

#include "perf/micro/jit/packets.bpf.c"

#define FLOWS 1024
#define ROUTES 1024
#define BLOCKED_PORT 8080
#define SCANNED_BYTES 64
#define SCANNED_FROM 54 /* behind Ethernet, IPv4 and TCP */

PROGRAM(constant)
{
    return XDP_PASS;
}

PROGRAM(drop_port)
{
    struct iphdr *ip = parse(ctx);

    if (!ip || ip->protocol != IPPROTO_TCP)
        return XDP_PASS;
    return ports_of(ip)->destination == BE16(BLOCKED_PORT) ? XDP_DROP : XDP_PASS;
}

/* A rule: sources of a network, a protocol, destination ports from .. to. */
#define ADDRESS(a, b, c, d) ((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define RULE(network, bits, proto, from, to, verdict)                                          \
    if ((source & (__u32)(~0ull << (32 - (bits)))) == (network) && protocol == (proto) &&      \
        port >= (from) && port <= (to))                                                        \
        return verdict;

/* Seven for each customer's network 10.N.0.0/16. */
#define CUSTOMER(n)                                                                            \
    RULE(ADDRESS(10, n, 0, 0), 24, IPPROTO_TCP, 22, 22, XDP_PASS)                              \
    RULE(ADDRESS(10, n, 1, 0), 24, IPPROTO_UDP, 53, 53, XDP_PASS)                              \
    RULE(ADDRESS(10, n, 2, 0), 23, IPPROTO_TCP, 80, 80, XDP_TX)                                \
    RULE(ADDRESS(10, n, 4, 0), 22, IPPROTO_TCP, 443, 443, XDP_TX)                              \
    RULE(ADDRESS(10, n, 0, 0), 16, IPPROTO_TCP, 6000 + (n), 6063 + (n), XDP_DROP)              \
    RULE(ADDRESS(10, n, 0, 0), 17, IPPROTO_UDP, 33434, 33534, XDP_PASS)                        \
    RULE(ADDRESS(10, n, 128, 0), 17, IPPROTO_UDP, 1024, 65535, XDP_DROP)

PROGRAM(acl)
{
    struct iphdr *ip = parse(ctx);
    __u32 source, protocol, port;

    if (!ip)
        return XDP_PASS;
    source = BE32(ip->saddr);
    protocol = ip->protocol;
    port = BE16(ports_of(ip)->destination);
    CUSTOMER(1)
    CUSTOMER(2)
    CUSTOMER(3)
    CUSTOMER(4)
    RULE(ADDRESS(172, 16, 0, 0), 12, IPPROTO_TCP, 0, 65535, XDP_DROP)
    RULE(ADDRESS(192, 168, 0, 0), 16, IPPROTO_TCP, 0, 65535, XDP_DROP)
    RULE(ADDRESS(127, 0, 0, 0), 8, IPPROTO_TCP, 0, 65535, XDP_DROP)
    RULE(ADDRESS(10, 0, 0, 0), 8, IPPROTO_TCP, 8000, 8999, XDP_DROP)
    return XDP_PASS;
}

static __always_inline __u32 folded_sum(struct iphdr *ip)
{
    const __u32 *words = (const __u32 *)ip;
    __u64 sum = (__u64)words[0] + words[1] + words[2] + words[3] + words[4];

    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u32)((sum & 0xffff) + (sum >> 16));
}

PROGRAM(hash_checksum)
{
    struct iphdr *ip = parse(ctx);

    if (!ip)
        return XDP_PASS;
    if (folded_sum(ip) != 0xffff)
        return XDP_DROP;
    return hash_of(flow_of(ip)) & 1 ? XDP_TX : XDP_PASS;
}

#ifndef PACKET_IN_R1
struct counter {
    __u64 packets;
    __u64 bytes;
};

MAP(PERCPU_ARRAY, counters, __u32, struct counter, 4, 0);

PROGRAM(count)
{
    struct iphdr *ip = parse(ctx);
    __u32 index = !ip ? 0 : ip->protocol == IPPROTO_TCP ? 1 : 2;
    struct counter *counter = (struct counter *)bpf_map_lookup_elem(&counters, &index);

    if (!counter)
        return XDP_ABORTED;
    counter->packets++;
    counter->bytes += (__u64)(PACKET_END(ctx) - PACKET_START(ctx));
    return XDP_PASS;
}

MAP(HASH, verdicts, struct flow, __u64, FLOWS, 0);

PROGRAM(look_up_hash)
{
    struct iphdr *ip = parse(ctx);
    struct flow flow;
    __u64 *verdict;

    if (!ip)
        return XDP_PASS;
    flow = flow_of(ip);
    verdict = (__u64 *)bpf_map_lookup_elem(&verdicts, &flow);
    return verdict ? (int)*verdict : XDP_PASS;
}

MAP(LPM_TRIE, routes, struct prefix, __u64, ROUTES, BPF_F_NO_PREALLOC);

PROGRAM(look_up_lpm)
{
    struct iphdr *ip = parse(ctx);
    struct prefix prefix = {32, 0};
    __u64 *verdict;

    if (!ip)
        return XDP_PASS;
    prefix.address = ip->daddr;
    verdict = (__u64 *)bpf_map_lookup_elem(&routes, &prefix);
    return verdict ? (int)*verdict : XDP_DROP;
}

MAP(LRU_HASH, flows, struct flow, struct counter, FLOWS, 0);

PROGRAM(track_flow)
{
    struct iphdr *ip = parse(ctx);
    struct counter first = {1, 0}, *known;
    struct flow flow;

    if (!ip)
        return XDP_PASS;
    flow = flow_of(ip);
    known = (struct counter *)bpf_map_lookup_elem(&flows, &flow);
    if (!known) {
        first.bytes = BE16(ip->tot_len);
        return bpf_map_update_elem(&flows, &flow, &first, BPF_NOEXIST) ? XDP_DROP : XDP_PASS;
    }
    known->packets++;
    known->bytes += BE16(ip->tot_len);
    return XDP_PASS;
}

/* An empty line ends a request's header: looks for one, a byte at a time. */
PROGRAM(scan)
{
    const __u8 *bytes = (const __u8 *)PACKET_START(ctx) + SCANNED_FROM;
    __u32 window = 0;

    if ((char *)bytes + SCANNED_BYTES > PACKET_END(ctx))
        return XDP_PASS;
#pragma clang loop unroll(disable) vectorize(disable)
    for (int i = 0; i < SCANNED_BYTES; i++) {
        window = window << 8 | bytes[i];
        if (window == 0x0d0a0d0a)
            return XDP_DROP;
    }
    return XDP_PASS;
}

struct vlan {
    __u16 type;
    __u16 tci;
};

struct addresses {
    __u32 words[3];
};

#define VLAN_BYTES ((int)sizeof(struct vlan))
#define VLAN_TYPE BE16(0x8100)

/* Takes a VLAN tag off, or puts one on. */
PROGRAM(push_pop)
{
    struct ethhdr *eth = (struct ethhdr *)PACKET_START(ctx);
    struct addresses addresses;
    struct vlan *vlan;
    int tagged;

    if ((char *)(eth + 1) + VLAN_BYTES > PACKET_END(ctx))
        return XDP_DROP;
    addresses = *(struct addresses *)eth;
    tagged = eth->h_proto == VLAN_TYPE;
    if (bpf_xdp_adjust_head(ctx, tagged ? VLAN_BYTES : -VLAN_BYTES))
        return XDP_DROP;
    eth = (struct ethhdr *)PACKET_START(ctx);
    vlan = (struct vlan *)((char *)eth + sizeof(struct addresses));
    if ((char *)(vlan + 1) > PACKET_END(ctx))
        return XDP_DROP;
    *(struct addresses *)eth = addresses;
    if (!tagged) {
        vlan->type = VLAN_TYPE;
        vlan->tci = BE16(7);
    }
    return XDP_TX;
}
#endif
