/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Global functions that take memory: checked on their own, null or not. Needs BTF of their arguments. */
#include "../notes.h"

struct pair {
    u32 a, b;
};

struct note notes[2];

__attribute__((noinline)) int sum_of(const struct pair *pair)
{
    if (!pair)
        return -1;
    return (int)(pair->a + pair->b);
}

__attribute__((noinline)) int fill(struct pair *pair, u32 seed)
{
    if (!pair)
        return -1;
    pair->a = seed;
    pair->b = seed * 2;
    return 0;
}

__attribute__((noinline)) int length_of(struct xdp_md *ctx)
{
    return (int)LENGTH(ctx);
}

/* Hidden, so that it is like a static one: the kernel knows of its result what it returns here. */
__attribute__((noinline, visibility("hidden"))) int half_of(u32 number)
{
    return (int)(number >> 1);
}

SEC("xdp") int global_memory(struct xdp_md *ctx)
{
    struct pair pair = {1, 2};

    note(&notes[0], sum_of(&pair));
    fill(&pair, (u32)length_of(ctx));
    note(&notes[0], sum_of(&pair));
    note(&notes[1], sum_of(0) + half_of(pair.b));
    return pair.b & 2 ? XDP_TX : XDP_PASS;
}

LICENSE;
