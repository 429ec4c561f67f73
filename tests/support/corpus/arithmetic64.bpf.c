/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* 64-bit arithmetic with numbers of the packet, division by zero among them. */
#include "common.h"

u64 results[16];

SEC("xdp") int arithmetic64(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    u64 a, b;

    if (data + 34 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    __builtin_memcpy(&a, data + 14, 8);
    __builtin_memcpy(&b, data + 26, 8);
    results[0] = a + b;
    results[1] = a - b;
    results[2] = a * b;
    results[3] = a / (b & 0xff);
    results[4] = a % (b & 0xff);
    results[5] = a << (b & 63);
    results[6] = a >> (b & 63);
    results[7] = (u64)((s64)a >> (b & 63));
    results[8] = (a & b) | (a ^ ~b);
    results[9] = -a;
    results[10] = a / 10;
    results[11] = a % 1000003;
    results[12] = __builtin_bswap64(a);
    results[13] = (u64)(s64)(s32)a;
    results[14] = (u64)(s64)(s16)b;
    results[15] = a > b ? a : (s64)a > (s64)b ? b : 1;
    return results[0] & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
