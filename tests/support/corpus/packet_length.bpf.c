/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The packet's length in 32 and 64 bits, from differences of its pointers, kept in maps. */
#include "common.h"

#define ETHERNET_BYTES 14

u32 longest, shortest = 0xffffffff, payload, metadata;
u64 total, behind_cursor;
u16 last;

static __noinline u32 length_of(struct xdp_md *ctx)
{
    return ctx->data_end - ctx->data;
}

SEC("xdp") int packet_length(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct cursor cursor = {data, end};
    u32 length = (u32)(end - data);
    u64 wide = end - data;

    if (length != wide || length != length_of(ctx))
        return XDP_ABORTED;
    last = end - data;
    total += wide;
    if (length > longest)
        longest = length;
    if (length < shortest)
        shortest = length;
    metadata += (u32)(data - (void *)(long)ctx->data_meta);
    if (!TAKE(&cursor, struct eth))
        return XDP_DROP;
    payload += (u32)(cursor.end - cursor.at);
    behind_cursor += (u32)(end - data) - ETHERNET_BYTES;
    return length & 1 ? XDP_TX : XDP_PASS;
}

LICENSE;
