/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_tail upwards: into the room of the last piece, and beyond it. New bytes are zero. */
#include "../notes.h"

struct note notes[6];

SEC("xdp.frags") int tail_grow(struct xdp_md *ctx)
{
    u8 last[4] = {};

    note(&notes[0], bpf_xdp_adjust_tail(ctx, 33));
    note(&notes[1], bpf_xdp_get_buff_len(ctx));
    note(&notes[2], bpf_xdp_load_bytes(ctx, bpf_xdp_get_buff_len(ctx) - 4, last, 4));
    note(&notes[3], last[0] + last[3]);
    note(&notes[4], bpf_xdp_adjust_tail(ctx, 9000));
    note(&notes[5], LENGTH(ctx));
    return notes[0].last ? XDP_DROP : XDP_TX;
}

LICENSE;
