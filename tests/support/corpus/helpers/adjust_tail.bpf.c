/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_tail: growing to the end of the frame and beyond, shrinking to the least frame and below. */
#include "../notes.h"

struct note notes[12];

SEC("xdp") int adjust_tail(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    u8 *data;

    note(&notes[0], bpf_xdp_adjust_tail(ctx, 4096));
    note(&notes[1], bpf_xdp_adjust_tail(ctx, -(int)length));
    note(&notes[2], bpf_xdp_adjust_tail(ctx, -(int)length + 13));
    note(&notes[3], bpf_xdp_adjust_tail(ctx, (int)0x80000000));
    note(&notes[4], bpf_xdp_adjust_tail(ctx, 3520 - (int)length));
    note(&notes[5], LENGTH(ctx));
    note(&notes[6], bpf_xdp_adjust_tail(ctx, 1));
    note(&notes[7], bpf_xdp_adjust_tail(ctx, (int)length - (int)LENGTH(ctx) + (int)(length & 31)));
    data = (void *)(long)ctx->data;
    if (data + 14 <= (u8 *)(long)ctx->data_end)
        data[13] ^= 1;
    if (length % 5 == 0)
        note(&notes[8], bpf_xdp_adjust_tail(ctx, 14 - (int)LENGTH(ctx)));
    note(&notes[9], LENGTH(ctx));
    return XDP_TX;
}

LICENSE;
