/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Several programs of one object over the same maps and variables, some not loaded unless asked for. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 128);
    __type(key, u32);
    __type(value, u64);
} shared SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
} only_second SEC(".maps");

u64 both;
static u64 first_only;

SEC("xdp") int first_user(struct xdp_md *ctx)
{
    u32 key = LENGTH(ctx);
    u64 one = 1, *count = bpf_map_lookup_elem(&shared, &key);

    both++;
    first_only += 2;
    if (count)
        ++*count;
    else
        bpf_map_update_elem(&shared, &key, &one, BPF_ANY);
    return count ? XDP_TX : XDP_PASS;
}

SEC("xdp/second") int second_user(struct xdp_md *ctx)
{
    u32 key = LENGTH(ctx), zero = 0;
    u64 *count = bpf_map_lookup_elem(&only_second, &zero);

    both += 100;
    if (count)
        *count += key;
    return bpf_map_delete_elem(&shared, &key) ? XDP_DROP : XDP_PASS;
}

SEC("?xdp") int optional_user(struct xdp_md *ctx)
{
    both += 10000;
    return first_only ? XDP_TX : XDP_DROP;
}

LICENSE;
