/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A 32-bit number out of the packet as an offset: the check may wrap. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *at;
    u64 offset;

    if (data + 16 > end)
        return XDP_PASS;
    offset = *(u64 *)(data + 8);
    at = data + offset;
    if (at + 1 > end)
        return XDP_PASS;
    return *at & 1;
}

LICENSE;
