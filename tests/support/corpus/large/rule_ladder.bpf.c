/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A firewall's rules as code, as rule compilers make them: N rules, each with several compares, a counter of its own in a
 * map, and every third one goes on after a match. With RELOAD each rule reads the packet's fields again. */
#include "large.h"

MAP(hits, BPF_MAP_TYPE_PERCPU_ARRAY, N, u32, struct counters);

static __always_inline int matched(u32 rule, u64 bytes, int verdict)
{
    struct counters *hit = bpf_map_lookup_elem(&hits, &rule);

    if (hit)
        count(hit, bytes);
    return verdict;
}

SEC("xdp") int rule_ladder(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at;
    struct eth *eth = TAKE(&cursor, struct eth);
    volatile struct ipv4 *ip;
    volatile struct ports *ports;
    u32 source, target;
    u16 port, client;
    u8 protocol;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip || (ip->version_length & 15) != 5)
        return XDP_DROP;
    protocol = ip->protocol;
    if (protocol != PROTO_TCP && protocol != PROTO_UDP)
        return XDP_PASS;
    ports = TAKE(&cursor, struct ports);
    if (!ports)
        return XDP_DROP;
#define READ_FIELDS                                                                                \
    source = bpf_ntohl(ip->source);                                                                \
    target = bpf_ntohl(ip->target);                                                                \
    port = bpf_ntohs(ports->target);                                                               \
    client = bpf_ntohs(ports->source);                                                             \
    protocol = ip->protocol;
    READ_FIELDS
#ifdef RELOAD
#define BEFORE_RULE READ_FIELDS
#else
#define BEFORE_RULE
#endif

#define PREFIX(i) (8 + (i) % 17)
#define MASK(i) (0xffffffffu << (32 - PREFIX(i)))
#define NET(i) ((0x0a000000u + (i) * 0x01010101u) & MASK(i))
#define RULE(i)                                                                                    \
    BEFORE_RULE                                                                                    \
    if ((source & MASK(i)) == NET(i) && (target & MASK((i) + 5)) == NET((i) * 3 + 1) &&            \
        protocol == ((i) % 2 ? PROTO_TCP : PROTO_UDP) && port >= (i) * 7 + 1 &&                    \
        port <= (i) * 7 + 90 && client > 1023) {                                                   \
        int verdict = matched(i, bytes, (i) % 5 ? XDP_DROP : XDP_TX);                              \
                                                                                                   \
        if ((i) % 3)                                                                               \
            return verdict;                                                                        \
    }
    EACH(N, RULE)
    return XDP_PASS;
}

LICENSE;
