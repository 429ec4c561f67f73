/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A firewall's rules as data: a loop over N rules of a table, first in .rodata, then in a map that policy fills. */
#include "large.h"

struct rule {
    u32 source, source_mask, target, target_mask;
    u16 port_min, port_max;
    u8 protocol, verdict;
    u16 is_set;
};

const volatile struct rule rules[N] = {{.is_set = 1, .port_max = 80, .protocol = PROTO_TCP}};
struct counters hits[N];
MAP(policy, BPF_MAP_TYPE_ARRAY, N, u32, struct rule);

struct fields {
    u32 source, target;
    u16 port;
    u8 protocol;
};

static __always_inline bool parse(struct cursor *cursor, struct fields *fields)
{
    struct eth *eth = TAKE(cursor, struct eth);
    struct ipv4 *ip;
    struct ports *ports;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return false;
    ip = TAKE(cursor, struct ipv4);
    if (!ip)
        return false;
    ports = TAKE(cursor, struct ports);
    if (!ports)
        return false;
    fields->source = ip->source;
    fields->target = ip->target;
    fields->protocol = ip->protocol;
    fields->port = bpf_ntohs(ports->target);
    return true;
}

static __always_inline bool matches(const volatile struct rule *rule, const struct fields *fields)
{
    return rule->is_set && (fields->source & rule->source_mask) == rule->source &&
           (fields->target & rule->target_mask) == rule->target &&
           fields->protocol == rule->protocol && fields->port >= rule->port_min &&
           fields->port <= rule->port_max;
}

SEC("xdp") int rules_constant(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at;
    struct fields fields;

    if (!parse(&cursor, &fields))
        return XDP_PASS;
    for (u32 i = 0; i < N; i++) {
        if (!matches(&rules[i], &fields))
            continue;
        count(&hits[i], bytes);
        if (rules[i].verdict == XDP_DROP || rules[i].verdict == XDP_TX)
            return rules[i].verdict;
    }
    return XDP_PASS;
}

SEC("xdp") int rules_of_map(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at;
    struct fields fields;

    if (!parse(&cursor, &fields))
        return XDP_PASS;
    for (u32 i = 0; i < N; i++) {
        u32 key = i;
        struct rule *rule = bpf_map_lookup_elem(&policy, &key);

        if (!rule)
            break;
        if (!matches(rule, &fields))
            continue;
        count(&hits[i], bytes);
        if (rule->verdict == XDP_DROP || rule->verdict == XDP_TX)
            return rule->verdict;
    }
    return XDP_PASS;
}

LICENSE;
