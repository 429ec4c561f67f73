/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Per-CPU array by Ethernet type, and a per-CPU hash by source address. */
#include "common.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} types SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(max_entries, 64);
    __type(key, __be32);
    __type(value, u32);
} sources SEC(".maps");

static __always_inline void count_source(__be32 source)
{
    u32 one = 1, *count = bpf_map_lookup_elem(&sources, &source);

    if (count)
        *count += 1;
    else
        bpf_map_update_elem(&sources, &source, &one, BPF_NOEXIST);
}

SEC("xdp") int count_percpu(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u64 *count;
    u32 key = 3;

    if (!eth)
        return XDP_PASS;
    if (eth->type == bpf_htons(ETH_IPV4)) {
        struct ipv4 *ip = TAKE(&cursor, struct ipv4);

        key = 0;
        if (ip)
            count_source(ip->source);
    } else if (eth->type == bpf_htons(ETH_IPV6)) {
        key = 1;
    } else if (eth->type == bpf_htons(ETH_ARP)) {
        key = 2;
    }
    count = bpf_map_lookup_elem(&types, &key);
    if (count)
        *count += 1;
    return key == 2 ? XDP_TX : XDP_PASS;
}

LICENSE;
