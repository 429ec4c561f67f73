/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The key lies on a stack that nobody wrote. */
#include "../common.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} table SEC(".maps");

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u32 key;

    asm volatile("" : "=m"(key));
    return bpf_map_lookup_elem(&table, &key) ? XDP_DROP : XDP_PASS;
}

LICENSE;
