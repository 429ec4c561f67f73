/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Hash maps with and without preallocation, per CPU and not, filled beyond what they hold. */
#include "../notes.h"

struct key {
    u32 number;
    u8 tail[3];
} __attribute__((packed));

#define HASH_MAP(name, kind, flags, entries)                                                       \
    struct {                                                                                       \
        __uint(type, kind);                                                                        \
        __uint(max_entries, entries);                                                              \
        __uint(map_flags, flags);                                                                  \
        __type(key, struct key);                                                                   \
        __type(value, u64);                                                                        \
    } name SEC(".maps")

HASH_MAP(prealloc, BPF_MAP_TYPE_HASH, 0, 16);
HASH_MAP(on_demand, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 16);
HASH_MAP(percpu, BPF_MAP_TYPE_PERCPU_HASH, 0, 16);
HASH_MAP(percpu_on_demand, BPF_MAP_TYPE_PERCPU_HASH, BPF_F_NO_PREALLOC, 16);

struct note notes[40];

static __always_inline void exercise(void *map, struct note *results, u32 length)
{
    struct key key = {.number = length % 23, .tail = {1, 2, 3}}, absent = {.number = 500};
    u64 value = length, *found = bpf_map_lookup_elem(map, &key);

    note(&results[0], found ? *found : ~0ull);
    if (found)
        *found += 1000;
    note(&results[1], bpf_map_update_elem(map, &key, &value, BPF_NOEXIST));
    note(&results[2], bpf_map_update_elem(map, &key, &value, length & 1 ? BPF_EXIST : BPF_ANY));
    note(&results[3], bpf_map_update_elem(map, &absent, &value, BPF_EXIST));
    note(&results[4], bpf_map_update_elem(map, &key, &value, 3));
    note(&results[5], bpf_map_update_elem(map, &key, &value, 99));
    note(&results[6], bpf_map_delete_elem(map, &absent));
    if (length % 7 == 0)
        note(&results[7], bpf_map_delete_elem(map, &key));
}

SEC("xdp") int hash_kinds(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    struct key key = {.number = length % 23, .tail = {1, 2, 3}};
    u64 *slot;

    exercise(&prealloc, &notes[0], length);
    exercise(&on_demand, &notes[8], length);
    exercise(&percpu, &notes[16], length);
    exercise(&percpu_on_demand, &notes[24], length);
    slot = bpf_map_lookup_percpu_elem(&percpu, &key, bpf_get_smp_processor_id());
    note(&notes[32], slot ? *slot : ~0ull);
    slot = bpf_map_lookup_percpu_elem(&percpu, &key, 4096);
    note(&notes[33], slot ? *slot : ~0ull);
    return notes[1].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
