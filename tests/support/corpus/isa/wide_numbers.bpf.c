/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* 64-bit numbers in two slots, jumped over and landed behind. */
#include "../notes.h"

struct note notes[2];

SEC("xdp") int wide_numbers(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx), value = 0x8000000000000001ull;

    if (length & 1)
        value = 0x123456789abcdef0ull;
    if (length & 2)
        value ^= 0xffffffff00000000ull;
    if (length & 4)
        value += 0x7fffffffull << 32;
    note(&notes[0], value);
    switch (length & 24) {
    case 0: value = 0xfedcba9876543210ull; break;
    case 8: value *= 0x5851f42d4c957f2dull; break;
    case 16: value -= 0x100000000ull; break;
    default: break;
    }
    note(&notes[1], value);
    return value & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
