/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Stores the address of its stack in a map. */
#include "../common.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} numbers SEC(".maps");

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u32 key = 0;
    u64 *value = bpf_map_lookup_elem(&numbers, &key);

    if (value)
        asm volatile("*(u64 *)(%0 + 0) = r10;" : : "r"(value) : "memory");
    return XDP_PASS;
}

LICENSE;
