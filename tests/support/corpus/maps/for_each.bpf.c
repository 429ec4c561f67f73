/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* for_each_map_elem over every kind that has it; sums do not depend on the order. */
#include "../notes.h"

#define MAP_OF(name, kind, entries, key_type)                                                      \
    struct {                                                                                       \
        __uint(type, kind);                                                                        \
        __uint(max_entries, entries);                                                              \
        __type(key, key_type);                                                                     \
        __type(value, u64);                                                                        \
    } name SEC(".maps")

MAP_OF(array, BPF_MAP_TYPE_ARRAY, 9, u32);
MAP_OF(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 3, u32);
MAP_OF(hash, BPF_MAP_TYPE_HASH, 64, u32);
MAP_OF(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 64, u32);
MAP_OF(lru_hash, BPF_MAP_TYPE_LRU_HASH, 2048, u32);
MAP_OF(lru_percpu_hash, BPF_MAP_TYPE_LRU_PERCPU_HASH, 2048, u32);

struct note notes[16];

struct totals {
    u64 keys, values;
    u32 stop_after, seen;
};

static long add(void *map, u32 *key, u64 *value, struct totals *totals)
{
    totals->keys += *key;
    totals->values += *value;
    *value += 1;
    return ++totals->seen == totals->stop_after;
}

static long forget_odd(void *map, u32 *key, u64 *value, void *unused)
{
    if (*value & 1)
        bpf_map_delete_elem(&hash, key);
    return 0;
}

static __always_inline void walk(void *map, struct note *result, u32 stop_after)
{
    struct totals totals = {.stop_after = stop_after};
    long visited = bpf_for_each_map_elem(map, add, &totals, 0);

    if (stop_after)
        note(result, visited);
    else
        note(result, totals.keys * 7 + totals.values * 3 + visited);
}

SEC("xdp") int for_each(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), key = length & 63;
    u64 value = length;

    bpf_map_update_elem(&array, &(u32){length % 9}, &value, BPF_ANY);
    bpf_map_update_elem(&percpu_array, &(u32){length % 3}, &value, BPF_ANY);
    bpf_map_update_elem(&hash, &key, &value, BPF_ANY);
    bpf_map_update_elem(&percpu_hash, &key, &value, BPF_ANY);
    bpf_map_update_elem(&lru_hash, &key, &value, BPF_ANY);
    bpf_map_update_elem(&lru_percpu_hash, &key, &value, BPF_ANY);
    walk(&array, &notes[0], 0);
    walk(&array, &notes[1], 4);
    walk(&percpu_array, &notes[2], 0);
    walk(&hash, &notes[3], 0);
    walk(&percpu_hash, &notes[4], 0);
    walk(&lru_hash, &notes[5], 0);
    walk(&lru_percpu_hash, &notes[6], 0);
    note(&notes[7], bpf_for_each_map_elem(&array, add, &(struct totals){}, 1));
    if (length % 16 == 0)
        note(&notes[8], bpf_for_each_map_elem(&hash, forget_odd, 0, 0));
    return XDP_PASS;
}

LICENSE;
