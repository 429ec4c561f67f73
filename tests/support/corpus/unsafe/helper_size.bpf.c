/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Asks a helper to write more than the buffer holds. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u8 buffer[16];
    u64 size = ctx->rx_queue_index & 31;

    asm volatile("" : "+r"(size));
    size &= 31;
    return bpf_xdp_load_bytes(ctx, 0, buffer, (u32)size + 1) ? XDP_DROP : XDP_PASS;
}

LICENSE;
