/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A bounded loop over the packet: its bytes summed and hashed. */
#include "common.h"

u32 last_hash;

SEC("xdp") int checksum_loop(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    u32 hash = 2166136261u;

    for (u32 i = 0; i < 96; i++) {
        if (data + i + 1 > end)
            break;
        hash = (hash ^ data[i]) * 16777619u;
    }
    last_hash = hash;
    return hash & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
