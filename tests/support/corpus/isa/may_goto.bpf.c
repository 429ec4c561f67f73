/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Loops that the compiler cannot bound, with may_goto: they end by themselves here, long before it would end them. */
#include "../notes.h"

/* Jumps to `label` once the program has gone round often enough; as bytes, for assemblers that do not know it. */
#define MAY_GOTO(label)                                                                            \
    asm volatile goto("1: .byte 0xe5; .byte 0; .long ((%l[" #label "] - 1b - 8) / 8) & 0xffff; .short 0" \
                      : : : : label)

struct note notes[3];

static __noinline u32 collatz(u64 number)
{
    u32 steps = 0;

    while (number != 1) {
        MAY_GOTO(out);
        number = number & 1 ? number * 3 + 1 : number >> 1;
        steps++;
    }
out:
    return steps;
}

SEC("xdp") int may_goto(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    u32 hash = 17;

    for (u32 at = 0; ; at++) {
        MAY_GOTO(out);
        if (at > 4000 || data + at + 1 > end)
            break;
        hash = hash * 31 + data[at];
    }
out:
    note(&notes[0], hash);
    note(&notes[1], collatz(LENGTH(ctx)));
    return hash & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
