/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Samples from user space: taken out all or some at a time, read, written, copied; and what a drain within a drain is told. */
#include "../notes.h"

#define SAMPLE_BYTES 24

struct {
    __uint(type, BPF_MAP_TYPE_USER_RINGBUF);
    __uint(max_entries, 4096);
} samples SEC(".maps");

struct note notes[16];

struct taking {
    u64 taken, most;
};

static long nested(struct bpf_dynptr *sample, void *context)
{
    return 0;
}

static long take(struct bpf_dynptr *sample, void *context)
{
    struct taking *taking = context;
    u64 bytes[SAMPLE_BYTES / 8] = {}, *slice, sum = 0;
    long failed;

    note(&notes[0], bpf_dynptr_read(bytes, sizeof(bytes), sample, 0, 0));
    for (int i = 0; i < SAMPLE_BYTES / 8; i++)
        sum = sum * 31 + bytes[i];
    note(&notes[1], sum);
    /* What a read that failed leaves in its buffer is nobody's promise. */
    failed = bpf_dynptr_read(bytes, 4, sample, 2, 0);
    note(&notes[2], failed);
    note(&notes[3], failed ? 0 : bytes[0]);
    note(&notes[4], bpf_dynptr_write(sample, 0, &sum, sizeof(sum), 0));
    slice = bpf_dynptr_data(sample, 0, 8);
    note(&notes[5], slice ? *slice : 1);
    if (slice)
        *slice = 7;
    failed = bpf_dynptr_read(bytes, 8, sample, 0, 0);
    note(&notes[6], failed);
    note(&notes[7], failed ? 0 : bytes[0]);
    note(&notes[8], bpf_user_ringbuf_drain(&samples, nested, 0, 0));
    return ++taking->taken >= taking->most;
}

SEC("xdp") int user_ringbuf(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    struct taking taking = {.most = 1 + length % 3};

    note(&notes[9], bpf_user_ringbuf_drain(&samples, take, &taking, length & 3));
    note(&notes[10], taking.taken);
    note(&notes[11], bpf_user_ringbuf_drain(&samples, nested, 0, 4));
    return XDP_PASS;
}

LICENSE;
