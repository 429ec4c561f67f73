/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Loads that acquire and stores that release, all sizes, as bytes: assemblers of these years do not know them. */
#include "../notes.h"

#define SLOT(code, dst, src, off, imm)                                                             \
    ((u64)(code) | (u64)(dst) << 8 | (u64)(src) << 12 | (u64)(u16)(off) << 16 | (u64)(imm) << 32)
#define LOAD_ACQUIRE 0x100
#define STORE_RELEASE 0x110
#define SIZE8 0xd3
#define SIZE16 0xcb
#define SIZE32 0xc3
#define SIZE64 0xdb

u64 words[4];
struct note notes[8];

/* r0 = what lies at r1 + offset */
#define LOAD(result, code, address, offset)                                                        \
    asm volatile("r1 = %[a]\n .8byte %[insn]\n %[r] = r0"                                          \
                 : [r] "=r"(result)                                                                \
                 : [a] "r"(address), [insn] "i"(SLOT(code, 0, 1, offset, LOAD_ACQUIRE))            \
                 : "r0", "r1", "memory")

/* r2 goes to r1 + offset */
#define STORE(code, address, offset, value)                                                        \
    asm volatile("r1 = %[a]\n r2 = %[v]\n .8byte %[insn]"                                          \
                 :                                                                                 \
                 : [a] "r"(address), [v] "r"(value), [insn] "i"(SLOT(code, 1, 2, offset, STORE_RELEASE)) \
                 : "r1", "r2", "memory")

SEC("xdp") int acquire_release(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx), seed = length * 0x9e3779b97f4a7c15ull, local[2] = {seed, ~seed}, got;

    STORE(SIZE64, words, 0, seed);
    STORE(SIZE32, words, 12, seed);
    STORE(SIZE16, words, 18, seed);
    STORE(SIZE8, words, 25, seed);
    LOAD(got, SIZE64, words, 0);
    note(&notes[0], got);
    LOAD(got, SIZE32, words, 4);
    note(&notes[1], got);
    LOAD(got, SIZE16, words, 12);
    note(&notes[2], got);
    LOAD(got, SIZE8, words, 25);
    note(&notes[3], got);
    STORE(SIZE64, local, 8, length);
    LOAD(got, SIZE64, local, 0);
    note(&notes[4], got);
    LOAD(got, SIZE64, local, 8);
    note(&notes[5], got);
    return seed & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
