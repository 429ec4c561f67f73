/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A packet in pieces as a dynptr: slices within a piece point into it, across pieces they are copied. */
#include "../notes.h"

extern int bpf_dynptr_from_xdp(struct xdp_md *ctx, u64 flags, struct bpf_dynptr *packet) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *packet, u32 at, void *buffer, u32 size) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *packet, u32 at, void *buffer, u32 size) __ksym;

struct note notes[12];

static __always_inline void look(struct bpf_dynptr *packet, struct note *result, u32 at)
{
    u64 buffer[2] = {}, *slice = bpf_dynptr_slice(packet, at, buffer, sizeof(buffer));

    note(result, slice ? slice[0] ^ slice[1] : 1);
    slice = bpf_dynptr_slice(packet, at, 0, sizeof(buffer));
    note(result, slice ? 1 : 0);
}

SEC("xdp.frags") int dynptr(struct xdp_md *ctx)
{
    u32 whole = bpf_xdp_get_buff_len(ctx), first = LENGTH(ctx);
    struct bpf_dynptr packet;
    u64 word = 0x1111111111111111, *slice;
    u8 buffer[8];

    bpf_dynptr_from_xdp(ctx, 0, &packet);
    look(&packet, &notes[0], 0);
    look(&packet, &notes[1], first - 8);
    look(&packet, &notes[2], first + 3);
    look(&packet, &notes[3], first + 4090);
    look(&packet, &notes[4], whole - 16);
    look(&packet, &notes[5], whole - 15);
    note(&notes[6], bpf_dynptr_write(&packet, first - 4, &word, sizeof(word), 0));
    note(&notes[7], bpf_dynptr_read(&word, sizeof(word), &packet, first - 6, 0));
    note(&notes[8], word);
    slice = bpf_dynptr_slice_rdwr(&packet, whole - 8, buffer, sizeof(buffer));
    if (slice) {
        *slice = ~*slice;
        if (slice == (u64 *)buffer)
            note(&notes[9], bpf_dynptr_write(&packet, whole - 8, buffer, sizeof(buffer), 0));
    }
    return XDP_PASS;
}

LICENSE;
