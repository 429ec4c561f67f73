/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A small file that asks for much memory: 64 programs, each with a table of almost 1 MiB for itself. */
#include "../common.h"

const volatile u32 table[(1 << 18) - 1024] = {1};

#define PROGRAM(name)                                                                              \
    SEC("xdp") int name(struct xdp_md *ctx)                                                        \
    {                                                                                              \
        return table[ctx->rx_queue_index & 0xff];                                                  \
    }
#define FOUR(name) PROGRAM(name##0) PROGRAM(name##1) PROGRAM(name##2) PROGRAM(name##3)
#define SIXTEEN(name) FOUR(name##0) FOUR(name##1) FOUR(name##2) FOUR(name##3)

SIXTEEN(a)
SIXTEEN(b)
SIXTEEN(c)
SIXTEEN(d)

LICENSE;
