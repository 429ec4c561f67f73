/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* skb_load_bytes and skb_load_bytes_relative up to the last byte and beyond, from both headers. */
#include "skb.h"

struct note notes[12];

static __always_inline void keep(struct note *result, long error, const u8 *bytes)
{
    u64 value;

    __builtin_memcpy(&value, bytes, 8);
    note(result, error ? (u64)error : value);
}

SEC("socket") int load_bytes(struct __sk_buff *skb)
{
    u32 length = skb->len;
    u8 bytes[8] = {};

    keep(&notes[0], bpf_skb_load_bytes(skb, 0, bytes, 8), bytes);
    keep(&notes[1], bpf_skb_load_bytes(skb, length - 4, bytes, 4), bytes);
    keep(&notes[2], bpf_skb_load_bytes(skb, length - 3, bytes, 4), bytes);
    keep(&notes[3], bpf_skb_load_bytes(skb, 0x10000, bytes, 1), bytes);
    keep(&notes[4], bpf_skb_load_bytes_relative(skb, 12, bytes, 2, BPF_HDR_START_MAC), bytes);
    keep(&notes[5], bpf_skb_load_bytes_relative(skb, 8, bytes, 8, BPF_HDR_START_NET), bytes);
    keep(&notes[6], bpf_skb_load_bytes_relative(skb, length - 2, bytes, 8, BPF_HDR_START_NET), bytes);
    keep(&notes[7], bpf_skb_load_bytes_relative(skb, 0, bytes, 8, 5), bytes);
    keep(&notes[8], bpf_skb_load_bytes_relative(skb, 0x20000, bytes, 8, BPF_HDR_START_MAC), bytes);
    return notes[0].last & 1 ? 0 : (int)length;
}

LICENSE;
