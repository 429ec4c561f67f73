/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Views of a packet: cut, measured, cloned, copied, filled; empty ones and ones that may not be written. */
#include "../notes.h"

extern int bpf_dynptr_from_xdp(struct xdp_md *ctx, u64 flags, struct bpf_dynptr *packet) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *view, u32 start, u32 end) __ksym;
/* The kernel gives bool, one byte: what is above it in r0 is anything. */
extern int bpf_dynptr_is_null(const struct bpf_dynptr *view) __ksym;
extern int bpf_dynptr_is_rdonly(const struct bpf_dynptr *view) __ksym;
extern u32 bpf_dynptr_size(const struct bpf_dynptr *view) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *view, struct bpf_dynptr *clone) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *to, u32 to_at, struct bpf_dynptr *from, u32 from_at, u32 size) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *view, u32 at, u32 size, u8 value) __ksym;

struct note notes[24];
u8 memory[32];

SEC("xdp") int dynptr_views(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), word = 0;
    struct bpf_dynptr packet, view, empty, bytes;

    bpf_dynptr_from_xdp(ctx, 0, &packet);
    bpf_dynptr_from_xdp(ctx, 1, &empty);
    bpf_dynptr_from_mem(memory, sizeof(memory), 0, &bytes);
    note(&notes[0], bpf_dynptr_size(&packet));
    note(&notes[1], (bpf_dynptr_is_null(&packet) & 1) * 2 + (bpf_dynptr_is_rdonly(&packet) & 1));
    note(&notes[2], (bpf_dynptr_is_null(&empty) & 1) * 2 + (bpf_dynptr_is_rdonly(&empty) & 1));
    note(&notes[3], bpf_dynptr_size(&empty));
    note(&notes[4], bpf_dynptr_clone(&packet, &view));
    note(&notes[5], bpf_dynptr_adjust(&view, 14, length));
    note(&notes[6], bpf_dynptr_size(&view));
    note(&notes[7], bpf_dynptr_adjust(&view, 10, 5));
    note(&notes[8], bpf_dynptr_adjust(&view, 0, length));
    note(&notes[9], bpf_dynptr_adjust(&view, length & 7, length - 14));
    note(&notes[10], bpf_dynptr_read(&word, 4, &view, 0, 0));
    note(&notes[11], word);
    note(&notes[12], bpf_dynptr_write(&view, bpf_dynptr_size(&view) - 1, "x", 1, 0));
    note(&notes[13], bpf_dynptr_adjust(&empty, 0, 0));
    note(&notes[14], bpf_dynptr_copy(&bytes, 4, &packet, 6, 12));
    note(&notes[15], bpf_dynptr_copy(&bytes, 24, &packet, 0, 12));
    note(&notes[16], bpf_dynptr_copy(&packet, 0, &bytes, 4, 6));
    note(&notes[17], bpf_dynptr_copy(&packet, length - 3, &bytes, 0, 6));
    note(&notes[18], bpf_dynptr_memset(&packet, length - 5, 5, 0xee));
    note(&notes[19], bpf_dynptr_memset(&packet, length - 5, 6, 0xdd));
    note(&notes[20], bpf_dynptr_memset(&bytes, 30, 2, 0xcc));
    note(&notes[21], bpf_dynptr_memset(&empty, 0, 1, 0));
    note(&notes[22], bpf_dynptr_copy(&packet, 1, &packet, 0, 8));
    note(&notes[23], bpf_dynptr_clone(&empty, &view));
    return notes[9].last ? XDP_DROP : XDP_TX;
}

LICENSE;
