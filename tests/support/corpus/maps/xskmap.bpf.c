/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Redirects to AF_XDP sockets by queue: one slot is filled. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 4);
    __uint(key_size, 4);
    __uint(value_size, 4);
} sockets SEC(".maps");

struct note notes[4];

SEC("xdp") int xskmap(struct xdp_md *ctx)
{
    u32 slot = LENGTH(ctx) % 5, queue = ctx->rx_queue_index;

    note(&notes[0], bpf_map_lookup_elem(&sockets, &slot) ? 1 : 0);
    note(&notes[1], bpf_redirect_map(&sockets, queue, XDP_PASS));
    note(&notes[2], bpf_redirect_map(&sockets, slot, 8));
    return (int)bpf_redirect_map(&sockets, slot, slot == 3 ? XDP_TX : XDP_DROP);
}

LICENSE;
