/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* csum_diff: from and to of every length, seeds, and lengths that are no multiple of four. */
#include "../notes.h"

struct note notes[12];

SEC("xdp") int csum_diff(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data;
    __be32 from[16] = {}, to[16] = {};
    u32 length = LENGTH(ctx);

    if (data + 64 <= (u8 *)(long)ctx->data_end) {
        __builtin_memcpy(from, data, 64);
        __builtin_memcpy(to, data + 2, 62);
    }
    to[15] = length;
    note(&notes[0], bpf_csum_diff(from, 64, to, 64, 0));
    note(&notes[1], bpf_csum_diff(from, 20, to, 40, length));
    note(&notes[2], bpf_csum_diff(from, 4, 0, 0, 0xffffffff));
    note(&notes[3], bpf_csum_diff(0, 0, to, 4, 0));
    note(&notes[4], bpf_csum_diff(0, 0, 0, 0, length));
    note(&notes[5], bpf_csum_diff(from, 3, to, 4, 0));
    note(&notes[6], bpf_csum_diff(from, 4, to, 6, 0));
    note(&notes[7], bpf_csum_diff(from, (length & 15) * 4, to, (length & 7) * 4, ~length));
    note(&notes[8], bpf_csum_diff(0, 0, to, 0, 5));
    note(&notes[9], bpf_csum_diff(from, 64, 0, 0, 0));
    return XDP_PASS;
}

LICENSE;
