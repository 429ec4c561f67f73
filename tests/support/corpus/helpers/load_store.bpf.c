/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* xdp_load_bytes and xdp_store_bytes up to the packet's last byte and beyond it. */
#include "../notes.h"

struct note notes[12];
u8 buffer[64];

SEC("xdp") int load_store(struct xdp_md *ctx)
{
    u32 length = bpf_xdp_get_buff_len(ctx), at = length / 2;

    note(&notes[0], length);
    note(&notes[1], bpf_xdp_load_bytes(ctx, 0, buffer, 14));
    note(&notes[2], bpf_xdp_load_bytes(ctx, length - 4, buffer + 16, 4));
    note(&notes[3], bpf_xdp_load_bytes(ctx, length - 3, buffer + 20, 4));
    note(&notes[4], bpf_xdp_load_bytes(ctx, 0xffff, buffer + 24, 1));
    note(&notes[5], bpf_xdp_load_bytes(ctx, 0xffffffff, buffer + 24, 8));
    note(&notes[6], bpf_xdp_store_bytes(ctx, at, "weir", 4));
    note(&notes[7], bpf_xdp_store_bytes(ctx, length - 1, "xy", 2));
    note(&notes[8], bpf_xdp_store_bytes(ctx, length - 1, "z", 1));
    note(&notes[9], bpf_xdp_load_bytes(ctx, at - 3, buffer + 32, 1 + (length & 7)));
    return notes[9].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
