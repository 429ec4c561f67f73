/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_tail downwards: within the last piece, whole pieces away, into the first, and to the least frame. */
#include "../notes.h"

struct note notes[8];

SEC("xdp.frags") int tail_shrink(struct xdp_md *ctx)
{
    u32 whole = bpf_xdp_get_buff_len(ctx);

    note(&notes[0], bpf_xdp_adjust_tail(ctx, -100));
    note(&notes[1], bpf_xdp_get_buff_len(ctx));
    note(&notes[2], bpf_xdp_adjust_tail(ctx, -(int)(whole / 3)));
    note(&notes[3], bpf_xdp_get_buff_len(ctx));
    note(&notes[4], LENGTH(ctx));
    note(&notes[5], bpf_xdp_adjust_tail(ctx, -(int)whole));
    if (whole % 3 == 0)
        note(&notes[6], bpf_xdp_adjust_tail(ctx, 14 - (int)bpf_xdp_get_buff_len(ctx)));
    note(&notes[7], bpf_xdp_get_buff_len(ctx));
    return XDP_TX;
}

LICENSE;
