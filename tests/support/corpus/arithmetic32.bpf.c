/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* 32-bit arithmetic: upper halves must stay zero. */
#include "common.h"

u64 wide[12];

SEC("xdp") int arithmetic32(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    u32 a, b;

    if (data + 34 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    __builtin_memcpy(&a, data + 14, 4);
    __builtin_memcpy(&b, data + 26, 4);
    wide[0] = a + b;
    wide[1] = a - b;
    wide[2] = a * b;
    wide[3] = a / (b & 7);
    wide[4] = a % (b & 7);
    wide[5] = a << (b & 31);
    wide[6] = a >> (b & 31);
    wide[7] = (u32)((s32)a >> (b & 31));
    wide[8] = (u32)-a;
    wide[9] = bpf_ntohl(a) ^ bpf_ntohs((u16)b);
    wide[10] = (s32)a < (s32)b ? a : b;
    wide[11] = a > 0x80000000u ? 1 : (s32)b < -7 ? 2 : 3;
    return wide[0] & 2 ? XDP_DROP : XDP_PASS;
}

LICENSE;
