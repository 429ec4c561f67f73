/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The packet of a socket filter as a dynptr: it may be read, not written. */
#include "skb.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *packet) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *packet, u32 at, void *buffer, u32 size) __ksym;
extern int bpf_dynptr_is_rdonly(const struct bpf_dynptr *view) __ksym;
extern u32 bpf_dynptr_size(const struct bpf_dynptr *view) __ksym;

struct note notes[8];

SEC("socket") int dynptr(struct __sk_buff *skb)
{
    struct bpf_dynptr packet;
    u32 word = 0, buffer = 0, *slice;

    note(&notes[0], bpf_dynptr_from_skb(skb, 0, &packet));
    note(&notes[1], bpf_dynptr_is_rdonly(&packet) & 1);
    note(&notes[2], bpf_dynptr_size(&packet));
    note(&notes[3], bpf_dynptr_read(&word, 4, &packet, skb->len & 31, 0));
    note(&notes[4], word);
    slice = bpf_dynptr_slice(&packet, 8, &buffer, 4);
    note(&notes[5], slice ? *slice : 77);
    note(&notes[6], bpf_dynptr_write(&packet, 0, &word, 4, 0));
    return word & 1 ? 0 : -1;
}

LICENSE;
