/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The one atomic that every level of the instruction set has: add without fetch. */
#include "common.h"

u64 bytes, packets;

SEC("xdp") int atomic_add(struct xdp_md *ctx)
{
    __sync_fetch_and_add(&packets, 1);
    __sync_fetch_and_add(&bytes, ctx->data_end - ctx->data);
    return XDP_PASS;
}

LICENSE;
