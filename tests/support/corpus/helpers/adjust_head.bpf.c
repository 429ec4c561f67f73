/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_head: every distance up and down by the packet's own bytes, up to and over what it refuses. */
#include "../notes.h"

struct note notes[12];

SEC("xdp") int adjust_head(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    u8 *data;

    note(&notes[0], bpf_xdp_adjust_head(ctx, -300));
    note(&notes[1], bpf_xdp_adjust_head(ctx, (int)length));
    note(&notes[2], bpf_xdp_adjust_head(ctx, (int)length - 13));
    note(&notes[3], bpf_xdp_adjust_head(ctx, 0x7fffffff));
    note(&notes[4], bpf_xdp_adjust_head(ctx, (int)0x80000000));
    note(&notes[5], bpf_xdp_adjust_head(ctx, 0));
    note(&notes[6], bpf_xdp_adjust_head(ctx, -(int)(length & 63)));
    note(&notes[7], LENGTH(ctx));
    data = (void *)(long)ctx->data;
    if (data + 14 <= (u8 *)(long)ctx->data_end)
        __builtin_memset(data, 0x5a, 14);
    for (u32 at = 14; at < 78; at++) {
        if (data + at + 1 > (u8 *)(long)ctx->data_end || at >= (length & 63))
            break;
        data[at] = 0xa5;
    }
    note(&notes[8], bpf_xdp_adjust_head(ctx, -216));
    if (!notes[8].last)
        note(&notes[9], bpf_xdp_adjust_head(ctx, 216));
    return notes[6].last ? XDP_DROP : XDP_TX;
}

LICENSE;
