/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The packet as a dynptr: read, write, slices of constant size at any offset, with and without a buffer. */
#include "../notes.h"

extern int bpf_dynptr_from_xdp(struct xdp_md *ctx, u64 flags, struct bpf_dynptr *packet) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *packet, u32 at, void *buffer, u32 size) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *packet, u32 at, void *buffer, u32 size) __ksym;

struct note notes[16];

SEC("xdp") int dynptr_packet(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), at = length % 90;
    struct bpf_dynptr packet;
    struct eth eth_buffer, *eth;
    struct ipv4 *ip;
    u64 word = 0;
    u8 buffer[16] = {};
    u64 *slice;

    note(&notes[0], bpf_dynptr_from_xdp(ctx, 0, &packet));
    eth = bpf_dynptr_slice(&packet, 0, &eth_buffer, sizeof(eth_buffer));
    note(&notes[1], eth ? eth->type : 0);
    ip = bpf_dynptr_slice(&packet, 14, 0, sizeof(*ip));
    note(&notes[2], ip ? ip->protocol : 99);
    slice = bpf_dynptr_slice(&packet, at, buffer, 16);
    note(&notes[3], slice ? slice[0] ^ slice[1] : 1);
    note(&notes[4], bpf_dynptr_read(&word, 8, &packet, at, 0));
    note(&notes[5], word);
    note(&notes[6], bpf_dynptr_write(&packet, at, &length, 4, 0));
    note(&notes[7], bpf_dynptr_write(&packet, at, &length, 4, 3));
    slice = bpf_dynptr_slice_rdwr(&packet, 6, buffer, 8);
    note(&notes[8], slice ? *slice : 0);
    if (slice) {
        *slice ^= 0xff;
        if (slice == (u64 *)buffer)
            bpf_dynptr_write(&packet, 6, buffer, 8, 0);
    }
    note(&notes[9], bpf_dynptr_slice(&packet, length - 3, buffer, 4) ? 1 : 0);
    note(&notes[10], bpf_dynptr_slice(&packet, 0xfffffff0, buffer, 4) ? 1 : 0);
    return notes[6].last ? XDP_DROP : XDP_TX;
}

LICENSE;
