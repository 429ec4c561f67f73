/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What map helpers return when they refuse. */
#include "common.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} small SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
} pair SEC(".maps");

s64 results[10];

SEC("xdp") int map_errors(struct xdp_md *ctx)
{
    u32 key = 1, absent = 999, beyond = 2 + (ctx->rx_queue_index & 1);
    u64 value = 7;

    results[0] = bpf_map_update_elem(&small, &key, &value, BPF_NOEXIST);
    results[1] = bpf_map_update_elem(&small, &absent, &value, BPF_EXIST);
    results[2] = bpf_map_delete_elem(&small, &absent);
    results[3] = bpf_map_update_elem(&small, &key, &value, 3);
    results[4] = bpf_map_update_elem(&pair, &beyond, &value, BPF_ANY);
    results[5] = bpf_map_update_elem(&pair, &key, &value, BPF_NOEXIST);
    results[6] = bpf_map_delete_elem(&pair, &key);
    results[7] = bpf_map_lookup_elem(&pair, &beyond) ? 1 : 0;
    for (u32 i = 10; i < 16; i++) {
        key = i;
        results[8] = bpf_map_update_elem(&small, &key, &value, BPF_ANY);
    }
    results[9] = bpf_map_delete_elem(&small, &(u32){12});
    return results[8] ? XDP_DROP : XDP_PASS;
}

LICENSE;
