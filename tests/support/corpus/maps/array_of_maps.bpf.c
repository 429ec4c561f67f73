/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* An array of maps with static contents: inner maps that are there, not there, and shared. */
#include "../notes.h"

struct inner {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} first SEC(".maps"), second SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 5);
    __type(key, u32);
    __array(values, struct inner);
} outer SEC(".maps") = {.values = {[0] = &first, [2] = &second, [4] = &first}};

struct hash_inner {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 32);
    __type(key, u32);
    __type(value, u32);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __array(values, struct hash_inner);
} outer_hash SEC(".maps") = {.values = {[1] = &flows}};

struct note notes[8];

SEC("xdp") int array_of_maps(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), slot = length % 7, key = length & 3, one = 1;
    void *map = bpf_map_lookup_elem(&outer, &slot);
    u64 *value, fresh = length;

    note(&notes[0], map ? 1 : 0);
    if (map) {
        value = bpf_map_lookup_elem(map, &key);
        if (value)
            *value += length;
        note(&notes[1], value ? *value : 0);
        key = length & 7;
        note(&notes[2], bpf_map_update_elem(map, &key, &fresh, BPF_ANY));
    }
    map = bpf_map_lookup_elem(&outer_hash, &(u32){1});
    if (map) {
        note(&notes[3], bpf_map_update_elem(map, &length, &one, BPF_NOEXIST));
        note(&notes[4], bpf_map_delete_elem(map, &(u32){60}));
    }
    note(&notes[5], bpf_map_lookup_elem(&outer_hash, &(u32){0}) ? 1 : 0);
    return map ? XDP_PASS : XDP_DROP;
}

LICENSE;
