/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A constant table in .rodata, indexed by a masked byte. More than 16 bytes: clang 14 puts 16 into a section that libbpf
 * finds no BTF for. */
#include "common.h"

static const u8 weights[20] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4};
u32 total;

SEC("xdp") int table_lookup(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    u32 sum = 0;

    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    for (int i = 0; i < 14; i++)
        sum += weights[data[i] & 15];
    total += sum;
    return sum > 70 ? XDP_DROP : XDP_PASS;
}

LICENSE;
