/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Maps in iproute2's layout, struct bpf_elf_map: longer than libbpf's, sizes in the same places. */
#include "../notes.h"

struct bpf_elf_map {
    u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

struct bpf_elf_map SEC("maps") per_port = {
    .type = BPF_MAP_TYPE_HASH, .size_key = 2, .size_value = 8, .max_elem = 512, .id = 1, .pinning = 2};
struct bpf_elf_map SEC("maps") totals = {
    .type = BPF_MAP_TYPE_PERCPU_ARRAY, .size_key = 4, .size_value = 16, .max_elem = 2};

SEC("xdp") int legacy_iproute2(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u64 one = 1, *count, *total = bpf_map_lookup_elem(&totals, &(u32){1});

    if (!eth || !total)
        return XDP_ABORTED;
    total[0]++;
    total[1] += LENGTH(ctx);
    count = bpf_map_lookup_elem(&per_port, &(u16){eth->type});
    if (count)
        *count += 1;
    else
        bpf_map_update_elem(&per_port, &(u16){eth->type}, &one, BPF_NOEXIST);
    return count ? XDP_TX : XDP_PASS;
}

LICENSE;
