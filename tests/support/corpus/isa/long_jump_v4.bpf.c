/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* gotol: jumps with 32-bit offsets, forward and back. Needs v4. */
#include "../notes.h"

struct note notes[2];

SEC("xdp") int long_jump_v4(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx), rounds = 0;

    if (length & 1) {
        rounds += 5;
        asm volatile goto("gotol %l[out]" : : : : out);
    }
    rounds += 100;
    asm volatile("r1 = 7\n"
                 "1: %[n] += r1\n"
                 "r1 += -1\n"
                 "if r1 == 0 goto 2f\n"
                 "gotol 1b\n"
                 "2:"
                 : [n] "+r"(rounds) : : "r1");
out:
    note(&notes[0], rounds);
    return length & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
