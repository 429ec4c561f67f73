/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A packet pointer plus a number out of the packet, checked afterwards. */
#include "common.h"

u32 found;

SEC("xdp") int variable_offset(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *option;
    u32 offset;

    if (data + 16 > end)
        return XDP_PASS;
    offset = data[15] & 0x7f;
    option = data + 14 + offset;
    if (option + 2 > end)
        return XDP_DROP;
    found += option[0] * 256 + option[1];
    option[1] ^= 1;
    return XDP_TX;
}

LICENSE;
