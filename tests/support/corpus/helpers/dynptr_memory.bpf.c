/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Dynptrs over memory of a map: read, write, slices, and offsets that do not fit. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, u8[64]);
} memory SEC(".maps");

struct note notes[16];

SEC("xdp") int dynptr_memory(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), at = length % 70, zero = 0;
    u8 *bytes = bpf_map_lookup_elem(&memory, &zero), copy[8] = {};
    struct bpf_dynptr pointer;
    u64 value = 0x0102030405060708ull * length;
    u64 *slice;

    if (!bytes)
        return XDP_ABORTED;
    note(&notes[0], bpf_dynptr_from_mem(bytes, 64, 0, &pointer));
    note(&notes[1], bpf_dynptr_write(&pointer, at, &value, sizeof(value), 0));
    note(&notes[2], bpf_dynptr_read(copy, sizeof(copy), &pointer, at / 2, 0));
    note(&notes[3], *(u64 *)copy);
    note(&notes[4], bpf_dynptr_read(copy, sizeof(copy), &pointer, at, 0));
    note(&notes[5], *(u64 *)copy);
    note(&notes[6], bpf_dynptr_read(copy, sizeof(copy), &pointer, 0, 1));
    slice = bpf_dynptr_data(&pointer, 8, 16);
    note(&notes[7], slice ? slice[1] : 0);
    if (slice)
        slice[0] += length;
    note(&notes[8], bpf_dynptr_data(&pointer, 60, 8) ? 1 : 0);
    note(&notes[9], bpf_dynptr_from_mem(bytes, 64, 5, &pointer));
    note(&notes[10], bpf_dynptr_read(copy, sizeof(copy), &pointer, 0, 0));
    return notes[1].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
