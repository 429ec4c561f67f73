/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Packets in several pieces: the whole length, and how much of it lies in the first piece. */
#include "../notes.h"

struct note notes[4];

SEC("xdp.frags") int length(struct xdp_md *ctx)
{
    u64 whole = bpf_xdp_get_buff_len(ctx);

    note(&notes[0], whole);
    note(&notes[1], LENGTH(ctx));
    return whole > LENGTH(ctx) ? XDP_TX : XDP_PASS;
}

LICENSE;
