/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Maps in the way of libbpf before 1.0. The kernel's loader of today refuses them; Weir takes them. */
#include "common.h"

struct bpf_map_def_legacy {
    u32 type, key_size, value_size, max_entries, map_flags;
};

struct bpf_map_def_legacy SEC("maps") counts = {BPF_MAP_TYPE_ARRAY, 4, 8, 16, 0};
struct bpf_map_def_legacy SEC("maps") seen = {BPF_MAP_TYPE_HASH, 6, 4, 32, 0};

SEC("xdp") int legacy_maps(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u32 key = 1, one = 1;
    u64 *count;

    if (!eth)
        return XDP_PASS;
    count = bpf_map_lookup_elem(&counts, &key);
    if (count)
        *count += 1;
    bpf_map_update_elem(&seen, eth->src, &one, BPF_ANY);
    return XDP_PASS;
}

LICENSE;
