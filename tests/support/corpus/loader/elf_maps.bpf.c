/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* iproute2's map definitions: ids, inner maps put into slots, programs put into slots by their section's name. */
#include "../common.h"

struct bpf_elf_map {
    u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

#define MAPS __attribute__((section("maps"), used))

struct bpf_elf_map MAPS jumps = {BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 16, 0, 2, 1};
struct bpf_elf_map MAPS outer = {BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 8, 0, 0, 0, 7};
struct bpf_elf_map MAPS inner = {BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, 7, 0, 0, 3};
struct bpf_elf_map MAPS spare = {BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, 7, 0, 0, -1};

SEC("2/15") int fifteenth(struct xdp_md *ctx) { return XDP_TX; }
SEC("0x2/0x3") int third(struct xdp_md *ctx) { return XDP_DROP; }
SEC("2/99") int outside(struct xdp_md *ctx) { return XDP_DROP; }
SEC("prog") int entry(struct xdp_md *ctx)
{
    u32 key = 3;

    bpf_map_lookup_elem(&outer, &key);
    bpf_tail_call(ctx, &jumps, 15);
    return XDP_PASS;
}

LICENSE;
