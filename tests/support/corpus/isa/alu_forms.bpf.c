/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Arithmetic in every form that compilers rarely choose: both widths, with a register and with a number. */
#include "forms.h"

const volatile u64 edges[8] = {0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0x8000000000000000, 0xfffffffffffffff9};
struct note notes[32];

/* Remainders as bytes: older assemblers have no word for them. */
#define MOD(code, registers, number) ".byte " #code "; .byte " #registers "; .short 0; .long " #number

#define FORMS(slot, x, y, mod_register, mod_number)                                                                        \
    do {                                                                                           \
        DO(slot, x " += " y "\n " x " -= -5\n " x " -= " y);                                       \
        DO(slot + 1, x " *= " y "\n " x " *= -3");                                                 \
        DO(slot + 2, x " /= " y "\n " x " /= 7");                                                  \
        DO(slot + 3, MOD(mod_register, 0x21, 0));                                                                 \
        DO(slot + 4, MOD(mod_number, 0x01, 10));                                                                 \
        DO(slot + 5, x " &= " y);                                                                  \
        DO(slot + 6, x " |= " y "\n " x " &= -16");                                                \
        DO(slot + 7, x " ^= " y "\n " x " |= 0x40000001");                                         \
        DO(slot + 8, x " = -" x "\n " x " ^= -2");                                                 \
        DO(slot + 9, x " <<= 7\n " x " >>= 3\n " x " s>>= 2");                                     \
        DO(slot + 10, y " &= 31\n " x " <<= " y);                                                  \
        DO(slot + 11, y " &= 31\n " x " >>= " y);                                                  \
        DO(slot + 12, y " &= 31\n " x " s>>= " y);                                                 \
        DO(slot + 13, x " = " y "\n " x " += -7");                                                 \
        DO(slot + 14, x " = -7");                                                                  \
    } while (0)

SEC("xdp") int alu_forms(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx);

    for (u32 i = 0; i < 8; i++) {
        u64 a = edges[i] + length, b = edges[(length + i * 3) & 7];

        FORMS(0, "r1", "r2", 0x9f, 0x97);
        FORMS(16, "w1", "w2", 0x9c, 0x94);
    }
    return notes[0].sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
