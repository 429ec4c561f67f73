/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The check is turned around: reads where the packet is too short. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 20 < (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    return data[0] & 1;
}

LICENSE;
