/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* LRU hashes below what they hold: nothing is evicted, so everything can be compared. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, u64);
    __type(value, u64);
} recent SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
    __uint(max_entries, 4096);
    __type(key, u16);
    __type(value, u32);
} recent_percpu SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __uint(map_flags, BPF_F_NO_COMMON_LRU);
    __type(key, u32);
    __type(value, u32);
} recent_own_list SEC(".maps");

struct note notes[16];

SEC("xdp") int lru_kinds(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), one = 1, *small;
    u64 key = length % 40, value = length, *found;
    u16 narrow = (u16)(length % 50);

    found = bpf_map_lookup_elem(&recent, &key);
    note(&notes[0], found ? ++*found : 0);
    note(&notes[1], bpf_map_update_elem(&recent, &key, &value, BPF_NOEXIST));
    note(&notes[2], bpf_map_update_elem(&recent, &key, &value, BPF_EXIST));
    note(&notes[3], bpf_map_update_elem(&recent, &key, &value, 7));
    if (length % 5 == 0)
        note(&notes[4], bpf_map_delete_elem(&recent, &key));
    note(&notes[5], bpf_map_delete_elem(&recent, &(u64){777}));
    small = bpf_map_lookup_elem(&recent_percpu, &narrow);
    if (small)
        *small += 3;
    else
        note(&notes[6], bpf_map_update_elem(&recent_percpu, &narrow, &one, BPF_NOEXIST));
    small = bpf_map_lookup_percpu_elem(&recent_percpu, &narrow, bpf_get_smp_processor_id());
    note(&notes[7], small ? *small : 0);
    small = bpf_map_lookup_percpu_elem(&recent_percpu, &narrow, 100000);
    note(&notes[8], small ? *small : 0);
    note(&notes[9], bpf_map_update_elem(&recent_own_list, &length, &one, BPF_ANY));
    return found ? XDP_TX : XDP_PASS;
}

LICENSE;
