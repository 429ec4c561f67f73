/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A dynptr that could not be made, because of its flags, is empty: everything that follows fails. */
#include "../notes.h"

extern int bpf_dynptr_from_xdp(struct xdp_md *ctx, u64 flags, struct bpf_dynptr *packet) __ksym;

struct note notes[4];

SEC("xdp") int dynptr_flags(struct xdp_md *ctx)
{
    struct bpf_dynptr packet;
    u32 word = 0;

    note(&notes[0], bpf_dynptr_from_xdp(ctx, LENGTH(ctx) & 1, &packet));
    note(&notes[1], bpf_dynptr_read(&word, 4, &packet, 0, 0));
    note(&notes[2], word);
    note(&notes[3], bpf_dynptr_write(&packet, 0, &word, 4, 0));
    return notes[0].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
