/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Instructions as text, in forms that compilers rarely choose. */
#pragma once

#include "../notes.h"

/* What is left in r1 when r1 is `a` and r2 is `b`, two u64 where this stands, into notes[slot]. */
#define DO(slot, text)                                                                             \
    do {                                                                                           \
        u64 result;                                                                                \
        asm volatile("r1 = %[a]\n r2 = %[b]\n" text "\n %[r] = r1"                                 \
                     : [r] "=r"(result)                                                            \
                     : [a] "r"(a), [b] "r"(b)                                                      \
                     : "r1", "r2");                                                                \
        note(&notes[slot], result);                                                                \
    } while (0)
