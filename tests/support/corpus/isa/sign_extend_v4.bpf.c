/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Sign-extending moves and loads of every width, swaps without condition. Needs v4. */
#include "../notes.h"

s8 bytes[16];
struct note notes[12];

#define MOVE(slot, text)                                                                           \
    do {                                                                                           \
        u64 result = ~0ull;                                                                        \
        asm volatile("r1 = %[v]\n r0 = -1\n" text "\n %[r] = r0" : [r] "=r"(result) : [v] "r"(seed) : "r0", "r1"); \
        note(&notes[slot], result);                                                                \
    } while (0)

#define LOAD(slot, type)                                                                           \
    do {                                                                                           \
        u64 result;                                                                                \
        asm volatile("%[r] = *(" type " *)(%[p] + 4)" : [r] "=r"(result) : [p] "r"(bytes) : "memory"); \
        note(&notes[slot], result);                                                                \
    } while (0)

SEC("xdp") int sign_extend_v4(struct xdp_md *ctx)
{
    u64 seed = LENGTH(ctx) * 0x9e3779b97f4a7c15ull;

    __builtin_memcpy(bytes + 4, &seed, 8);
    MOVE(0, "r0 = (s8)r1");
    MOVE(1, "r0 = (s16)r1");
    MOVE(2, "r0 = (s32)r1");
    MOVE(3, "w0 = (s8)w1");
    MOVE(4, "w0 = (s16)w1");
    MOVE(5, "r0 = r1\n r0 = bswap16 r0");
    MOVE(6, "r0 = r1\n r0 = bswap32 r0");
    MOVE(7, "r0 = r1\n r0 = bswap64 r0");
    LOAD(8, "s8");
    LOAD(9, "s16");
    LOAD(10, "s32");
    return seed & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
