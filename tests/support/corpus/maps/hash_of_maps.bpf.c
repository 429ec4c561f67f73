/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A hash of maps with static contents, keys being the indices; the inner maps count by protocol. */
#include "../notes.h"

struct inner {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 3);
    __type(key, u32);
    __type(value, u32);
} tcp_counts SEC(".maps"), udp_counts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
    __uint(max_entries, 32);
    __type(key, u32);
    __array(values, struct inner);
} by_protocol SEC(".maps") = {.values = {[6] = &tcp_counts, [17] = &udp_counts}};

struct note notes[4];

SEC("xdp") int hash_of_maps(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    u32 protocol, kind, *count;
    void *map;

    if (!eth || !ip || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    protocol = ip->protocol;
    kind = ip->ttl & 3;
    map = bpf_map_lookup_elem(&by_protocol, &protocol);
    note(&notes[0], map ? protocol : 0);
    if (!map)
        return XDP_DROP;
    count = bpf_map_lookup_elem(map, &kind);
    if (!count)
        return XDP_ABORTED;
    note(&notes[1], ++*count);
    return XDP_TX;
}

LICENSE;
