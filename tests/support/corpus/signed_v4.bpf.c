/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Signed division, sign-extending moves and loads, byte swaps. Needs v4. */
#include "common.h"

s64 results[14];

SEC("xdp") int signed_v4(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    s64 a, b;
    s32 c, d;

    if (data + 42 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    __builtin_memcpy(&a, data + 14, 8);
    __builtin_memcpy(&b, data + 26, 8);
    __builtin_memcpy(&c, data + 30, 4);
    __builtin_memcpy(&d, data + 38, 4);
    results[0] = a / b;
    results[1] = a % b;
    results[2] = c / d;
    results[3] = c % d;
    results[4] = a / -7;
    results[5] = c % 13;
    results[6] = (s8)a;
    results[7] = (s16)b;
    results[8] = (s32)a;
    results[9] = *(s8 *)(data + 20) + *(s16 *)(data + 22) + *(s32 *)(data + 24);
    results[10] = (s64)__builtin_bswap64((u64)a);
    results[11] = __builtin_bswap32((u32)c);
    results[12] = __builtin_bswap16((u16)d);
    results[13] = (s32)(s8)c;
    return results[0] & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
