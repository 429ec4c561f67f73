/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Wide states: 40 variables that live on the stack across N branches and come together at the end. */
#include "large.h"

u64 out[40];

SEC("xdp") int many_variables(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct payload {
        u8 bytes[64];
    } *payload = TAKE(&cursor, struct payload);
    volatile u64 v[40];

    if (!payload)
        return XDP_PASS;
    for (int i = 0; i < 40; i++)
        v[i] = i;
#define BRANCH(i)                                                                                  \
    if (payload->bytes[(i) % 64] > 100 + (i) % 50)                                                 \
        v[(i) * 7 % 40] += v[(i) * 3 % 40] * 3;                                                    \
    else if (payload->bytes[((i) + 1) % 64] == (i) % 256)                                          \
        v[(i) * 11 % 40] = (i);
    EACH(N, BRANCH)
    for (int i = 0; i < 40; i++)
        out[i] += v[i];
    return v[39] & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
