/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Frames that each fit, and together do not. */
#include "../common.h"

#define USE(buffer) asm volatile("" : : "r"(&(buffer)) : "memory")

static __noinline int inner(int value)
{
    u8 buffer[300];

    __builtin_memset(buffer, value, sizeof(buffer));
    USE(buffer);
    return buffer[7];
}

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 buffer[300];
    int value;

    __builtin_memset(buffer, 1, sizeof(buffer));
    USE(buffer);
    value = inner(buffer[3]);
    USE(buffer);
    return value + buffer[5] > 3 ? XDP_DROP : XDP_PASS;
}

LICENSE;
