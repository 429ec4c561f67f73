/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* xdp_pull_data: bytes of later pieces moved into the first, as far as there is room. */
#include "../notes.h"

extern int bpf_xdp_pull_data(struct xdp_md *ctx, u32 bytes) __ksym;

struct note notes[8];

SEC("xdp.frags") int pull_data(struct xdp_md *ctx)
{
    u32 whole = bpf_xdp_get_buff_len(ctx), first = LENGTH(ctx);
    u8 *data;

    note(&notes[0], bpf_xdp_pull_data(ctx, whole + 1));
    note(&notes[1], bpf_xdp_pull_data(ctx, first / 2));
    note(&notes[2], bpf_xdp_adjust_head(ctx, 14));
    note(&notes[3], bpf_xdp_pull_data(ctx, whole - 14 < 3530 ? whole - 14 : 3530));
    note(&notes[4], LENGTH(ctx));
    note(&notes[5], bpf_xdp_get_buff_len(ctx));
    data = (void *)(long)ctx->data;
    if (data + 20 <= (u8 *)(long)ctx->data_end)
        data[19] ^= 0xff;
    note(&notes[6], bpf_xdp_pull_data(ctx, 0));
    note(&notes[7], bpf_xdp_pull_data(ctx, 5000));
    return notes[3].last ? XDP_DROP : XDP_TX;
}

LICENSE;
