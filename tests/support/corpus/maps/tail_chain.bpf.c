/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A program that tail calls itself until the chain may not go on, and changes the packet in every link. */
#include "../notes.h"

int tail_chain(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __uint(value_size, 4);
    __array(values, int(struct xdp_md *));
} again SEC(".maps") = {.values = {(void *)&tail_chain}};

u32 links, packets_seen, refused;

SEC("xdp") int tail_chain(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;

    if (data + 14 > (u8 *)(long)ctx->data_end)
        return XDP_ABORTED;
    data[0]++;
    links++;
    bpf_tail_call(ctx, &again, 0);
    refused++;
    return data[0] & 1 ? XDP_TX : XDP_PASS;
}

LICENSE;
