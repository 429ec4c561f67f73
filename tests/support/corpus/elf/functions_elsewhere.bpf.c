/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Functions called from sections of their own, from .text, and the same ones from several programs; variables in a .bss
   of their own. The kernel's loader of today knows neither. */
#include "../notes.h"

struct note notes[4];
u32 calls SEC(".bss.calls");

SEC("toolbox") __attribute__((noinline)) int weigh(u32 length, u32 factor)
{
    volatile u32 product = length * factor;

    calls++;
    return (int)(product >> 2);
}

static __noinline u32 helper_in_text(u32 value)
{
    note(&notes[0], value);
    return (u32)weigh(value, 3) + 1;
}

__attribute__((noinline)) int global_in_text(u32 value)
{
    return (int)helper_in_text(value) + weigh(value, 5);
}

SEC("xdp") int caller(struct xdp_md *ctx)
{
    note(&notes[1], global_in_text(LENGTH(ctx)));
    return notes[1].last & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp/other") int other_caller(struct xdp_md *ctx)
{
    note(&notes[2], weigh(LENGTH(ctx), 9) + (int)helper_in_text(7));
    return notes[2].last & 2 ? XDP_TX : XDP_PASS;
}

LICENSE;
