/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Calls eight frames deep, each with a stack of its own, results handed back up, registers kept across calls. */
#include "../notes.h"

struct note notes[2];

#define LEVEL(name, next, count)                                                                   \
    static __noinline u64 name(u64 a, u64 b)                                                       \
    {                                                                                              \
        volatile u64 kept[3] = {a, b, count};                                                      \
        u64 below = next(a * 3 + b, b ^ count);                                                    \
                                                                                                   \
        return below + kept[0] * kept[2] - kept[1] + a;                                            \
    }

static __noinline u64 bottom(u64 a, u64 b)
{
    volatile u64 kept[2] = {a, b};

    return kept[0] * 31 + kept[1];
}

LEVEL(level6, bottom, 6)
LEVEL(level5, level6, 5)
LEVEL(level4, level5, 4)
LEVEL(level3, level4, 3)
LEVEL(level2, level3, 2)
LEVEL(level1, level2, 1)

SEC("xdp") int call_depth(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx), before = length * 5;

    note(&notes[0], level1(length, 7));
    note(&notes[1], before + level4(1, length));
    return notes[0].last & 2 ? XDP_TX : XDP_PASS;
}

LICENSE;
