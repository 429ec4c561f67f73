/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_head and adjust_meta of a packet in pieces: only the first piece moves. */
#include "../notes.h"

struct note notes[10];

SEC("xdp.frags") int head_moves(struct xdp_md *ctx)
{
    u32 first = LENGTH(ctx);
    u8 *data;

    note(&notes[0], bpf_xdp_adjust_head(ctx, -32));
    data = (void *)(long)ctx->data;
    if (data + 32 > (u8 *)(long)ctx->data_end)
        return XDP_ABORTED;
    __builtin_memset(data, 0x77, 32);
    note(&notes[1], bpf_xdp_get_buff_len(ctx));
    note(&notes[2], LENGTH(ctx) - first);
    note(&notes[3], bpf_xdp_adjust_head(ctx, (int)first + 100));
    note(&notes[4], bpf_xdp_adjust_head(ctx, 46));
    note(&notes[5], bpf_xdp_adjust_meta(ctx, -8));
    note(&notes[6], ctx->data - ctx->data_meta);
    note(&notes[7], bpf_xdp_adjust_meta(ctx, 8));
    note(&notes[8], bpf_xdp_get_buff_len(ctx));
    return XDP_PASS;
}

LICENSE;
