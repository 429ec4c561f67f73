/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Every condition, both widths, against a register and against a number. */
#include "../notes.h"

const volatile u64 edges[8] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x8000000000000000,
                               0xfffffffffffffff6};
struct note notes[2];

/* Shifts whether it jumped into `taken`. */
#define JUMP_BY(text)                                                                            \
    do {                                                                                           \
        __label__ jumped, after;                                                                   \
        asm goto("r1 = %[a]\n r2 = %[b]\n" text                                                      \
                 :                                                                                 \
                 : [a] "r"(a), [b] "r"(b)                                                          \
                 : "r1", "r2"                                                                      \
                 : jumped);                                                                        \
        taken = taken * 2;                                                                         \
        goto after;                                                                                \
    jumped:                                                                                        \
        taken = taken * 2 + 1;                                                                     \
    after:;                                                                                        \
    } while (0)

#define JUMP(condition) JUMP_BY("if " condition " goto %l[jumped]")

/* JSET, as bytes: older assemblers have no word for it. */
#define JUMP_SET(code, registers, number)                                                          \
    JUMP_BY("1: .byte " #code "; .byte " #registers "; .long (((%l[jumped] - 1b - 8) / 8) & 0xffff) | " \
            "(" #number " & 0xffff) << 16; .short (" #number " >> 16) & 0xffff")

#define JUMPS(a_name, b_name)                                                                      \
    do {                                                                                           \
        JUMP(a_name " == " b_name);                                                                \
        JUMP(a_name " != " b_name);                                                                \
        JUMP(a_name " > " b_name);                                                                 \
        JUMP(a_name " >= " b_name);                                                                \
        JUMP(a_name " < " b_name);                                                                 \
        JUMP(a_name " <= " b_name);                                                                \
        JUMP(a_name " s> " b_name);                                                                \
        JUMP(a_name " s>= " b_name);                                                               \
        JUMP(a_name " s< " b_name);                                                                \
        JUMP(a_name " s<= " b_name);                                                               \
    } while (0)

static __noinline u64 wide(u64 a, u64 b)
{
    u64 taken = 1;

    JUMPS("r1", "r2");
    JUMPS("r1", "-10");
    JUMPS("r1", "1");
    JUMP_SET(0x4d, 0x21, 0);
    JUMP_SET(0x45, 0x01, -10);
    JUMP_SET(0x45, 0x01, 0x40001);
    return taken;
}

static __noinline u64 narrow(u64 a, u64 b)
{
    u64 taken = 1;

    JUMPS("w1", "w2");
    JUMPS("w1", "-10");
    JUMPS("w1", "1");
    JUMP_SET(0x4e, 0x21, 0);
    JUMP_SET(0x46, 0x01, -10);
    JUMP_SET(0x46, 0x01, 0x40001);
    return taken;
}

SEC("xdp") int jumps(struct xdp_md *ctx)
{
    u32 first = LENGTH(ctx) & 7;

    for (u32 i = 0; i < 8; i++) {
        note(&notes[0], wide(edges[i], edges[(first + i * 3) & 7]));
        note(&notes[1], narrow(edges[i], edges[(first + i * 3) & 7]));
    }
    return notes[0].sum & 1 ? XDP_DROP : XDP_TX;
}

LICENSE;
