/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Queue and stack: push, pop and peek until they are full and until they are empty; BPF_EXIST throws the oldest out. */
#include "../notes.h"

struct item {
    u64 number;
    u16 kind;
} __attribute__((packed));

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 6);
    __type(value, struct item);
} queue SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_STACK);
    __uint(max_entries, 6);
    __uint(key_size, 0);
    __uint(value_size, sizeof(struct item));
} stack SEC(".maps");

struct note notes[24];

static __always_inline void exercise(void *map, struct note *results, u32 length)
{
    struct item item = {.number = length, .kind = 1}, out = {.number = 5, .kind = 5};

    note(&results[0], bpf_map_push_elem(map, &item, BPF_ANY));
    item.kind = 2;
    note(&results[1], bpf_map_push_elem(map, &item, length & 1 ? BPF_EXIST : BPF_ANY));
    note(&results[2], bpf_map_push_elem(map, &item, BPF_NOEXIST));
    note(&results[3], bpf_map_push_elem(map, &item, 8));
    note(&results[4], bpf_map_peek_elem(map, &out));
    note(&results[5], out.number * 8 + out.kind);
    if (length % 3 == 0) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            note(&results[6], bpf_map_pop_elem(map, &out));
            note(&results[7], out.number * 8 + out.kind);
        }
    }
    if (length % 11 == 0) {
#pragma unroll
        for (int i = 0; i < 7; i++)
            note(&results[8], bpf_map_pop_elem(map, &out));
        note(&results[9], bpf_map_peek_elem(map, &out));
        note(&results[10], out.number * 8 + out.kind);
    }
}

SEC("xdp") int queue_stack(struct xdp_md *ctx)
{
    exercise(&queue, &notes[0], LENGTH(ctx));
    exercise(&stack, &notes[12], LENGTH(ctx));
    return notes[0].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
