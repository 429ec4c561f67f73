/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Loads and stores of every size on stack, map values and packet, aligned or not; stores of numbers. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, u8[64]);
} memory SEC(".maps");

struct note notes[4];

#define AT(type, base, offset) (*(volatile type *)((u8 *)(base) + (offset)))

static __always_inline u64 exercise(u8 *bytes, u64 seed)
{
    AT(u8, bytes, 0) = 0x81;
    AT(u16, bytes, 1) = 0x8182;
    AT(u32, bytes, 3) = 0x81828384;
    AT(u64, bytes, 7) = 0x7182838485868788;
    AT(u8, bytes, 15) = (u8)seed;
    AT(u16, bytes, 17) = (u16)seed;
    AT(u32, bytes, 21) = (u32)seed;
    AT(u64, bytes, 25) = seed;
    return AT(u8, bytes, 3) + AT(u16, bytes, 14) + AT(u32, bytes, 11) + AT(u64, bytes, 19);
}

SEC("xdp") int memory_sizes(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx), aligned[4] = {};
    u32 zero = 0;
    u8 *value = bpf_map_lookup_elem(&memory, &zero), *data = (void *)(long)ctx->data;

    if (!value)
        return XDP_ABORTED;
    note(&notes[0], exercise(value, length * 0x123456789abcdefull));
    AT(u8, aligned, 7) = 0xff;
    AT(u16, aligned, 10) = (u16)length;
    AT(u32, aligned, 20) = 0xdeadbeef;
    AT(u64, aligned, 24) = ~length;
    note(&notes[1], AT(u64, aligned, 0) ^ AT(u32, aligned, 8) ^ AT(u64, aligned, 16) ^ AT(u16, aligned, 26));
    if (data + 40 > (u8 *)(long)ctx->data_end)
        return XDP_DROP;
    note(&notes[2], exercise(data, notes[0].last));
    return XDP_TX;
}

LICENSE;
