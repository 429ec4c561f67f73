/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A ring buffer of one page that nobody drains: it fills up, and every way to write says so. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} events SEC(".maps");

struct note notes[8];
u8 zeroes[4096];

SEC("xdp") int ringbuf_full(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    u64 *big, *small;

    note(&notes[0], bpf_ringbuf_output(&events, zeroes, length & 255, 0));
    big = bpf_ringbuf_reserve(&events, 1000, 0);
    note(&notes[1], big ? 1 : 0);
    small = bpf_ringbuf_reserve(&events, 8, 0);
    note(&notes[2], small ? 1 : 0);
    if (small) {
        *small = length;
        bpf_ringbuf_submit(small, 0);
    }
    if (big)
        bpf_ringbuf_discard(big, 0);
    note(&notes[3], bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA));
    note(&notes[4], bpf_ringbuf_output(&events, zeroes, 4096, 0));
    big = bpf_ringbuf_reserve(&events, 5000, 0);
    note(&notes[5], big ? 1 : 0);
    if (big)
        bpf_ringbuf_discard(big, 0);
    big = bpf_ringbuf_reserve(&events, 8, 3);
    note(&notes[6], big ? 1 : 0);
    if (big)
        bpf_ringbuf_discard(big, 0);
    return notes[1].last ? XDP_PASS : XDP_DROP;
}

LICENSE;
