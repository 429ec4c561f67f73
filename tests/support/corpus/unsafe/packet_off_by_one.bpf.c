/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Checks 14 bytes, reads the fifteenth. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    return data[14] & 1;
}

LICENSE;
