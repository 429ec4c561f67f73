/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Atomics with and without fetch on stack and map values, both widths. Needs v3. */
#include "../notes.h"

struct words {
    u64 wide[8];
    u32 narrow[8];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 8);
    __type(key, u32);
    __type(value, struct words);
} memory SEC(".maps");

struct note notes[16];

#define ALL(type, base, seed, slot)                                                                \
    do {                                                                                           \
        type *words = base;                                                                        \
        type seed_value = (type)(seed);                                                            \
        __sync_fetch_and_add(&words[0], seed_value);                                               \
        __sync_fetch_and_or(&words[1], seed_value);                                                \
        __sync_fetch_and_and(&words[2], ~seed_value);                                              \
        __sync_fetch_and_xor(&words[3], seed_value);                                               \
        note(&notes[slot], __sync_fetch_and_add(&words[0], (type)-3));                             \
        note(&notes[slot], __sync_fetch_and_or(&words[1], seed_value << 5));                       \
        note(&notes[slot + 1], __sync_fetch_and_and(&words[2], seed_value * 7));                   \
        note(&notes[slot + 1], __sync_fetch_and_xor(&words[3], ~(type)0));                         \
        note(&notes[slot + 2], __sync_lock_test_and_set(&words[4], seed_value));                   \
        note(&notes[slot + 2], __sync_val_compare_and_swap(&words[5], 0, seed_value));             \
        note(&notes[slot + 3], __sync_val_compare_and_swap(&words[5], seed_value, 1));             \
        note(&notes[slot + 3], __sync_fetch_and_sub(&words[6], seed_value));                       \
    } while (0)

SEC("xdp") int atomics_everywhere(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx), seed = length * 0x9e3779b97f4a7c15ull;
    struct words local = {}, *shared;
    u32 key = length & 3;

    bpf_map_update_elem(&memory, &key, &local, BPF_NOEXIST);
    shared = bpf_map_lookup_elem(&memory, &key);
    if (!shared)
        return XDP_ABORTED;
    ALL(u64, shared->wide, seed, 0);
    ALL(u32, shared->narrow, seed, 4);
    ALL(u64, local.wide, seed, 8);
    ALL(u32, local.narrow, seed, 12);
    note(&notes[0], local.wide[2] + local.narrow[3]);
    return notes[0].sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
