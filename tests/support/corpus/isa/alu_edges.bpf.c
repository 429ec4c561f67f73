/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Arithmetic of both widths where it is delicate: zero, one, the ends of every range, shifts by all counts. */
#include "../notes.h"

const volatile u64 edges[12] = {0, 1, 2, 0x7f, 0x80, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                                0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff};
struct note notes[16];

static __always_inline void wide(u64 a, u64 b)
{
    note(&notes[0], a + b);
    note(&notes[1], a - b);
    note(&notes[2], a * b);
    note(&notes[3], a / b);
    note(&notes[4], a % b);
    note(&notes[5], (a | b) ^ (a & ~b));
    note(&notes[6], a << (b & 63));
    note(&notes[7], a >> (b & 63));
    note(&notes[8], (u64)((s64)a >> (b & 63)) - -a);
}

static __always_inline void narrow(u32 a, u32 b)
{
    note(&notes[9], a + b);
    note(&notes[10], a * b - (a - b));
    note(&notes[11], a / b);
    note(&notes[12], a % b);
    note(&notes[13], a << (b & 31) | (u64)(a >> (b & 31)));
    note(&notes[14], (u32)((s32)a >> (b & 31)) ^ (u64)(u32)-a);
    note(&notes[15], (u64)(s64)(s32)(a ^ b));
}

SEC("xdp") int alu_edges(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx);

    for (int i = 0; i < 12; i++) {
        u64 a = edges[i], b = edges[BELOW((length + (u32)i * 5) % 12, 12)];

        wide(a, b);
        wide(length, a);
        narrow((u32)a, (u32)b);
        narrow((u32)length, (u32)a);
    }
    return notes[0].sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
