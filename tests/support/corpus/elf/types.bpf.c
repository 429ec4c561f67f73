/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Map keys and values of every shape that BTF can tell: unions, bit fields, enums, arrays of arrays, pointers as numbers,
   structs in structs without names, floats, functions declared only. */
#include "../notes.h"

enum colour { RED, GREEN = 5, BLUE = 0x7fffffff };

union address {
    u32 v4;
    u32 v6[4];
    struct {
        u64 high, low;
    };
};

struct key {
    union address address;
    u16 port;
    u8 flag_a : 1, flag_b : 3, rest : 4;
    u8 pad[5];
};

struct value {
    struct {
        u8 grid[3][2];
        enum colour colour;
    } inner;
    s64 balance;
    _Bool seen;
    char name[5];
    u64 history[0];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, struct key);
    __type(value, struct value);
} shapes SEC(".maps");

SEC("xdp") int types(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    struct key key = {.address = {.high = length, .low = 1}, .port = 80, .flag_b = 5};
    struct value fresh = {.inner = {.grid = {{1, 2}, {3, 4}}, .colour = GREEN}, .balance = -5, .name = "weir"}, *value;

    key.flag_a = length & 1;
    key.address.v6[1] = length & 15;
    bpf_map_update_elem(&shapes, &key, &fresh, BPF_NOEXIST);
    value = bpf_map_lookup_elem(&shapes, &key);
    if (!value)
        return XDP_DROP;
    value->inner.grid[2][1]++;
    value->inner.colour = length & 1 ? RED : BLUE;
    value->balance -= length;
    value->seen = length > 100;
    return value->balance & 1 ? XDP_TX : XDP_PASS;
}

LICENSE;
