/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Dereferences what a hash look-up returned. */
#include "../common.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} table SEC(".maps");

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u32 key = 1;
    u64 *value = bpf_map_lookup_elem(&table, &key);

    *value += 1;
    return XDP_PASS;
}

LICENSE;
