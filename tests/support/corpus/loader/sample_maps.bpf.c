/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The definitions of the kernel's samples, with inner_map_idx and numa_node; key and value types by annotation. */
#include "../common.h"

struct bpf_map_def {
    u32 type, key_size, value_size, max_entries, map_flags, inner_map_idx, numa_node;
};

#define MAPS __attribute__((section("maps"), used))

struct counted {
    u32 packets, bytes;
};

struct ____btf_map_b_plain {
    u32 key;
    struct counted value;
};
struct ____btf_map_b_plain __attribute__((section(".maps.b_plain"), used)) ____btf_map_b_plain = {};

struct bpf_map_def MAPS a_spare = {BPF_MAP_TYPE_ARRAY, 4, 4, 1};
struct bpf_map_def MAPS b_plain = {BPF_MAP_TYPE_HASH, 4, 8, 32, BPF_F_NO_PREALLOC};
struct bpf_map_def MAPS c_outer = {BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 4, 0, 1};

SEC("xdp_prog") int sample(struct xdp_md *ctx)
{
    u32 key = 3;

    return bpf_map_lookup_elem(&c_outer, &key) ? XDP_DROP : XDP_PASS;
}

LICENSE;
