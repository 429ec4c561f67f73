/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Prefix maps of several widths: overlapping prefixes, updates that may not be, deletes, a full map. */
#include "../notes.h"

struct key4 {
    u32 prefix_bits;
    u8 address[4];
};

struct key_odd {
    u32 prefix_bits;
    u8 bytes[3];
};

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 24);
    __type(key, struct key4);
    __type(value, u32);
} prefixes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 64);
    __uint(key_size, sizeof(struct key_odd));
    __uint(value_size, 5);
} odd SEC(".maps");

struct note notes[16];

SEC("xdp") int lpm_ops(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    struct key4 key = {}, whole = {.prefix_bits = 32}, too_long = {.prefix_bits = 33}, short_key;
    struct key_odd odd_key = {.prefix_bits = 17};
    u32 length = LENGTH(ctx), value = length, *found;
    u8 five[5] = {1, 2, 3, 4, 5}, *bytes;

    if (data + 34 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    __builtin_memcpy(key.address, data + 26, 4);
    __builtin_memcpy(whole.address, data + 26, 4);
    __builtin_memcpy(odd_key.bytes, data + 23, 3);
    key.prefix_bits = length % 33;
    found = bpf_map_lookup_elem(&prefixes, &whole);
    note(&notes[0], found ? *found : ~0u);
    found = bpf_map_lookup_elem(&prefixes, &key);
    note(&notes[1], found ? *found : ~0u);
    note(&notes[2], bpf_map_update_elem(&prefixes, &key, &value, BPF_NOEXIST));
    note(&notes[3], bpf_map_update_elem(&prefixes, &key, &value, BPF_EXIST));
    note(&notes[4], bpf_map_update_elem(&prefixes, &too_long, &value, BPF_ANY));
    note(&notes[5], bpf_map_delete_elem(&prefixes, &too_long));
    note(&notes[6], bpf_map_update_elem(&prefixes, &key, &value, 9));
    short_key = key;
    short_key.prefix_bits = key.prefix_bits / 2;
    note(&notes[7], bpf_map_update_elem(&prefixes, &short_key, &value, BPF_ANY));
    if (length % 3 == 0)
        note(&notes[8], bpf_map_delete_elem(&prefixes, &key));
    note(&notes[9], bpf_map_update_elem(&odd, &odd_key, five, BPF_ANY));
    odd_key.prefix_bits = 24;
    bytes = bpf_map_lookup_elem(&odd, &odd_key);
    note(&notes[10], bytes ? bytes[4] : 0);
    return found ? XDP_TX : XDP_PASS;
}

LICENSE;
