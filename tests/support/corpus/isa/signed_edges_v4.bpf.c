/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Signed division and remainder where they are delicate: by zero, by minus one, of the least number. Needs v4. */
#include "../notes.h"

const volatile s64 edges[10] = {0, 1, -1, 7, -7, 0x7fffffff, -0x80000000ll, 0x7fffffffffffffff,
                                (s64)0x8000000000000000, -0x100000000ll};
struct note notes[8];

SEC("xdp") int signed_edges_v4(struct xdp_md *ctx)
{
    u32 first = LENGTH(ctx) % 10;

    for (u32 i = 0; i < 10; i++) {
        s64 a = edges[i], b = edges[BELOW((first + i * 3) % 10, 10)];
        s32 c = (s32)a, d = (s32)b;

        note(&notes[0], (u64)(a / b));
        note(&notes[1], (u64)(a % b));
        note(&notes[2], (u64)(u32)(c / d));
        note(&notes[3], (u64)(u32)(c % d));
        note(&notes[4], (u64)(a / -1) + (u64)(a % -1) + (u64)(a / 3));
        note(&notes[5], (u64)(s64)(c / -1) ^ (u64)(s64)(c % -5));
        note(&notes[6], (u64)(s64)(s8)a + (u64)(s64)(s16)b + (u32)(s32)(s8)d);
    }
    return notes[0].sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
