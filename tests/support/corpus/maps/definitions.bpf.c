/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Every key that a map's BTF definition may have, and maps without an entry count that need none. */
#include "../notes.h"

#ifndef LIBBPF_PIN_BY_NAME
#define LIBBPF_PIN_BY_NAME 1
#endif

typedef u64 counter_t;
typedef struct {
    u32 id;
    enum { KIND_A, KIND_B = 5 } kind;
} named_t;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1 << 8);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(numa_node, 0);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
    __type(key, named_t);
    __type(value, counter_t);
} pinned SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(key_size, sizeof(u32));
    __uint(value_size, 40);
    __uint(max_entries, 8);
    __uint(map_extra, 0);
} sized SEC(".maps");

struct typed_map {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, int);
    __type(value, u8[33]);
};
struct typed_map by_type_a SEC(".maps"), by_type_b SEC(".maps");

struct note notes[4];

SEC("xdp") int definitions(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    named_t key = {.id = length & 63, .kind = length & 1 ? KIND_A : KIND_B};
    u64 value = length, wide[5] = {length, 1, 2, 3, 4};
    u8 *bytes = bpf_map_lookup_elem(length & 1 ? (void *)&by_type_a : (void *)&by_type_b, &(int){1});

    note(&notes[0], bpf_map_update_elem(&pinned, &key, &value, BPF_ANY));
    note(&notes[1], bpf_map_update_elem(&sized, &(u32){length & 15}, wide, BPF_ANY));
    if (bytes)
        bytes[length & 31]++;
    return notes[1].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
