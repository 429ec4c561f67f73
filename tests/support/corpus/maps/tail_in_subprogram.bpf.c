/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Tail calls out of subprograms: what they return goes to the subprogram's caller; all count towards one limit. */
#include "../notes.h"

int target_a(struct xdp_md *ctx);
int target_b(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 4);
    __uint(key_size, 4);
    __array(values, int(struct xdp_md *));
} targets SEC(".maps") = {.values = {(void *)&target_a, (void *)&target_b}};

struct note notes[4];
u32 depth;

static __noinline int through(struct xdp_md *ctx, u32 slot)
{
    volatile u32 kept = slot;

    bpf_tail_call(ctx, &targets, kept);
    return 50 + (int)kept;
}

SEC("xdp") int target_a(struct xdp_md *ctx)
{
    notes[2].last++;
    return 7;
}

SEC("xdp") int target_b(struct xdp_md *ctx)
{
    volatile u32 stack = ++depth;

    if (stack % 40 != 0)
        return through(ctx, 1) + 1;
    return 9;
}

SEC("xdp") int tail_in_subprogram(struct xdp_md *ctx)
{
    int first = through(ctx, 0), second = through(ctx, 2), third = through(ctx, 1);

    note(&notes[0], (u64)first * 1000 + (u64)second);
    note(&notes[1], (u64)third);
    return first == 7 ? XDP_TX : XDP_PASS;
}

LICENSE;
