/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Signed division and remainder in every form, both widths, with a register and with a number. Needs v4. */
#include "forms.h"

const volatile u64 edges[8] = {0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0x8000000000000000, 0xffffffffffffffff};
struct note notes[8];

SEC("xdp") int signed_forms_v4(struct xdp_md *ctx)
{
    u64 length = LENGTH(ctx);

    for (u32 i = 0; i < 8; i++) {
        u64 a = edges[i], b = edges[(length + i * 3) & 7];

        DO(0, "r1 s/= r2");
        DO(1, "r1 s/= -7");
        DO(2, "r1 s%%= r2");
        DO(3, "r1 s%%= -7");
        DO(4, "w1 s/= w2");
        DO(5, "w1 s/= -7");
        DO(6, "w1 s%%= w2");
        DO(7, "w1 s%%= -7");
    }
    return notes[0].sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
