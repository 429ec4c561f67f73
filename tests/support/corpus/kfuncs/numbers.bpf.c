/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Number iterators: ranges up, empty, backwards, too long; nested; left in the middle. */
#include "../notes.h"

struct bpf_iter_num {
    u64 opaque;
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

struct note notes[12];

static __noinline int sum_of(int start, int end, int stop_at)
{
    struct bpf_iter_num it;
    int sum = 0, *number;

    bpf_iter_num_new(&it, start, end);
    while ((number = bpf_iter_num_next(&it))) {
        if (*number == stop_at)
            break;
        sum += *number;
    }
    bpf_iter_num_destroy(&it);
    return sum;
}

static __always_inline void try_range(struct note *result, int start, int end)
{
    struct bpf_iter_num it;

    note(result, bpf_iter_num_new(&it, start, end));
    note(result, bpf_iter_num_next(&it) ? 1 : 0);
    bpf_iter_num_destroy(&it);
}

SEC("xdp") int numbers(struct xdp_md *ctx)
{
    int length = (int)LENGTH(ctx);

    note(&notes[0], sum_of(0, length, -1));
    note(&notes[1], sum_of(-length, length >> 1, 1 << 30));
    note(&notes[2], sum_of(0, 100, length & 127));
    try_range(&notes[3], 5, 5);
    try_range(&notes[4], 6, 5);
    try_range(&notes[5], 0, 1 << 23);
    try_range(&notes[6], 0, (1 << 23) + 1);
    try_range(&notes[7], (int)0x80000000, 0x7fffffff);
    return notes[0].last & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
