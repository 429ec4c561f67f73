/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Maps in the layout of the kernel's old samples: inner map and NUMA node behind libbpf's five numbers. */
#include "../notes.h"

struct bpf_map_def_samples {
    u32 type, key_size, value_size, max_entries, map_flags, inner_map_idx, numa_node;
};

struct bpf_map_def_samples SEC("maps") rxcnt = {
    .type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 256};
struct bpf_map_def_samples SEC("maps") macs = {
    .type = BPF_MAP_TYPE_LRU_HASH, .key_size = 6, .value_size = 4, .max_entries = 1000};
struct bpf_map_def_samples SEC("maps") routes = {.type = BPF_MAP_TYPE_LPM_TRIE,
                                                 .key_size = 8,
                                                 .value_size = 4,
                                                 .max_entries = 50,
                                                 .map_flags = BPF_F_NO_PREALLOC};

SEC("xdp") int legacy_samples(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    u32 key = 0, one = 1, prefix[2] = {8};
    u64 *count;

    if (!eth)
        return XDP_DROP;
    if (ip) {
        key = ip->protocol;
        prefix[1] = ip->target;
        bpf_map_update_elem(&routes, prefix, &one, BPF_ANY);
    }
    count = bpf_map_lookup_elem(&rxcnt, &key);
    if (count)
        *count += 1;
    bpf_map_update_elem(&macs, eth->dst, &one, BPF_ANY);
    return bpf_map_lookup_elem(&routes, prefix) ? XDP_TX : XDP_PASS;
}

LICENSE;
