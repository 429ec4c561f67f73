/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* csum_diff over packet bytes alone: the whole header, seeded and unseeded. */
#include "common.h"

u32 sums[2];

SEC("xdp") int csum_packet(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 34 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    sums[0] = (u32)bpf_csum_diff(0, 0, (__be32 *)(data + 14), 20, 0);
    sums[1] = (u32)bpf_csum_diff((__be32 *)(data + 14), 20, 0, 0, 0x1234);
    return (sums[0] & 0xffff) == 0xffff ? XDP_TX : XDP_PASS;
}

LICENSE;
