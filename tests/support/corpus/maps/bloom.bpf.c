/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Bloom filters: what was pushed is found for sure. What was not is found so rarely in filters of this size that it
   may be compared. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
    __uint(max_entries, 100000);
    __uint(map_extra, 8);
    __type(value, u32);
} lengths SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
    __uint(max_entries, 50000);
    __uint(value_size, 6);
} stations SEC(".maps");

struct note notes[8];

SEC("xdp") int bloom(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u32 length = LENGTH(ctx), absent = length + 1000000;
    u8 station[6];

    if (!eth)
        return XDP_ABORTED;
    __builtin_memcpy(station, eth->src, 6);
    note(&notes[0], bpf_map_peek_elem(&lengths, &length));
    note(&notes[1], bpf_map_push_elem(&lengths, &length, BPF_ANY));
    note(&notes[2], bpf_map_peek_elem(&lengths, &length));
    note(&notes[3], bpf_map_peek_elem(&lengths, &absent));
    note(&notes[4], bpf_map_push_elem(&lengths, &length, BPF_EXIST));
    note(&notes[5], bpf_map_peek_elem(&stations, station));
    note(&notes[6], bpf_map_push_elem(&stations, station, 0));
    return notes[5].last ? XDP_TX : XDP_PASS;
}

LICENSE;
