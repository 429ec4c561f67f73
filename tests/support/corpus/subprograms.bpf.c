/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Static functions that are really called, three deep, with a stack of their own. */
#include "common.h"

u64 result;

static __noinline u32 fold(u64 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (u32)sum;
}

static __noinline u64 mix(u64 a, u64 b, u32 rounds)
{
    u64 spill[4] = {a, b, a ^ b, a + b};

    for (u32 i = 0; i < 4; i++)
        spill[i & 3] = spill[(i + 1) & 3] * 31 + rounds;
    return spill[0] ^ spill[3] ^ fold(spill[1]);
}

static __noinline u64 length_of(struct xdp_md *ctx)
{
    return (u64)(ctx->data_end - ctx->data);
}

SEC("xdp") int subprograms(struct xdp_md *ctx)
{
    u64 length = length_of(ctx);

    result = mix(length, result, 3) + mix(result, length, 5);
    return fold(result) & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
