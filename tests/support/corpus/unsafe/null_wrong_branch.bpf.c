/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Uses the value on the branch where it is null. */
#include "../common.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} numbers SEC(".maps");

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u32 key = 1;
    u64 *value = bpf_map_lookup_elem(&numbers, &key);

    if (value)
        return XDP_PASS;
    asm volatile("r1 = 1; *(u64 *)(%0 + 0) = r1;" : : "r"(value) : "r1", "memory");
    return XDP_DROP;
}

LICENSE;
