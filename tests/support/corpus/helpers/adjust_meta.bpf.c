/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_meta: sizes that it takes and that it does not; metadata written, moved along with the head, given back. */
#include "../notes.h"

struct note notes[16];

SEC("xdp") int adjust_meta(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), *mark;

    note(&notes[0], bpf_xdp_adjust_meta(ctx, -3));
    note(&notes[1], bpf_xdp_adjust_meta(ctx, 4));
    note(&notes[2], bpf_xdp_adjust_meta(ctx, -260));
    note(&notes[3], bpf_xdp_adjust_meta(ctx, -(int)((length & 15) * 4)));
    note(&notes[4], ctx->data - ctx->data_meta);
    mark = (void *)(long)ctx->data_meta;
    for (u32 i = 0; i < 15; i++) {
        if ((void *)(mark + i + 1) > (void *)(long)ctx->data)
            break;
        mark[i] = 0x01010101 * i;
    }
    if (length & 1) {
        note(&notes[5], bpf_xdp_adjust_head(ctx, -20));
        note(&notes[6], ctx->data - ctx->data_meta);
        note(&notes[7], bpf_xdp_adjust_head(ctx, 20));
    } else if (length & 2) {
        note(&notes[8], bpf_xdp_adjust_head(ctx, 6));
        note(&notes[9], ctx->data - ctx->data_meta);
    }
    note(&notes[10], bpf_xdp_adjust_meta(ctx, -200));
    note(&notes[11], bpf_xdp_adjust_meta(ctx, 8));
    return XDP_PASS;
}

LICENSE;
