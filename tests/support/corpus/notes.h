/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Results that a program keeps for comparison: the last one, and a sum into which every packet's went. */
#pragma once

#include "common.h"

struct note {
    u64 last, sum;
};

static __always_inline void note(struct note *note, u64 value)
{
    note->last = value;
    note->sum = note->sum * 31 + value;
}

/* Bytes of the packet, or of its first piece. In assembly: a verifier cannot follow what compilers make of a difference of
   32-bit halves of pointers. */
#define LENGTH(ctx)                                                                                \
    ({                                                                                             \
        u64 bytes;                                                                                 \
        asm volatile("r0 = *(u32 *)(%[c] + 0)\n %[n] = *(u32 *)(%[c] + 4)\n %[n] -= r0"            \
                     : [n] "=&r"(bytes)                                                            \
                     : [c] "r"(ctx)                                                                \
                     : "r0");                                                                      \
        (u32)bytes;                                                                                \
    })

/* `value` where it is below `bound`, else 0: a check that compilers cannot see through and drop. */
#define BELOW(value, bound)                                                                        \
    ({                                                                                             \
        u64 checked = (value);                                                                     \
        asm volatile("" : "+r"(checked));                                                          \
        if (checked >= (bound))                                                                    \
            checked = 0;                                                                           \
        checked;                                                                                   \
    })
