/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A value with a lock: taken and given back; copies by flag; the lock itself is never copied. */
#include "../notes.h"

struct locked {
    u32 packets;
    struct bpf_spin_lock lock;
    u64 bytes;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, struct locked);
} totals SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, u32);
    __type(value, struct locked);
} by_length SEC(".maps");

struct note notes[8];

static __always_inline void add(struct locked *value, u32 length)
{
    bpf_spin_lock(&value->lock);
    value->packets++;
    value->bytes += length;
    bpf_spin_unlock(&value->lock);
}

SEC("xdp") int spin_lock(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), slot = length & 3, key = length & 31;
    struct locked fresh = {.packets = 1, .bytes = length}, *value;

    value = bpf_map_lookup_elem(&totals, &slot);
    if (value)
        add(value, length);
    value = bpf_map_lookup_elem(&by_length, &key);
    if (value)
        add(value, length);
    else
        note(&notes[0], bpf_map_update_elem(&by_length, &key, &fresh, BPF_NOEXIST));
    note(&notes[1], bpf_map_update_elem(&totals, &(u32){3}, &fresh, BPF_F_LOCK | BPF_EXIST));
    note(&notes[2], bpf_map_update_elem(&by_length, &(u32){99}, &fresh, BPF_F_LOCK | BPF_EXIST));
    note(&notes[3], bpf_map_update_elem(&by_length, &key, &fresh, BPF_F_LOCK));
    note(&notes[4], value ? value->packets : 0);
    return value ? XDP_TX : XDP_PASS;
}

LICENSE;
