/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* CO-RE: bit fields by byte offset, byte size and shifts, signed or not. */
#include "../notes.h"
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct iphdr___bits {
    u8 version : 4, ihl : 4;
};
struct tcphdr___bits {
    __be16 source, dest;
    u16 fin : 1, syn : 1, rst : 1, ack : 1, doff : 4;
    __be16 window;
};
struct ipv6hdr___bits {
    u8 version : 4, priority : 4;
    u8 nexthdr;
};
struct sk_buff___bits {
    u8 pkt_type : 3, ip_summed : 2, no_such_bits : 3;
};
#pragma clang attribute pop

struct note notes[24];

#define DESCRIBE(slot, type, field)                                                                \
    do {                                                                                           \
        type *none = 0;                                                                            \
        note(&notes[slot], __builtin_preserve_field_info(none->field, BPF_FIELD_BYTE_OFFSET));     \
        note(&notes[slot], __builtin_preserve_field_info(none->field, BPF_FIELD_BYTE_SIZE));       \
        note(&notes[slot], __builtin_preserve_field_info(none->field, BPF_FIELD_LSHIFT_U64));      \
        note(&notes[slot], __builtin_preserve_field_info(none->field, BPF_FIELD_RSHIFT_U64));      \
        note(&notes[slot], __builtin_preserve_field_info(none->field, BPF_FIELD_SIGNED));          \
        note(&notes[slot], __builtin_preserve_field_info(none->field, BPF_FIELD_EXISTS));          \
    } while (0)

SEC("xdp") int core_bitfields(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    struct iphdr___bits *ip = data + 14;
    struct tcphdr___bits *tcp = data + 34;
    struct ipv6hdr___bits *ip6 = data + 14;
    struct sk_buff___bits *none = 0;

    DESCRIBE(0, struct iphdr___bits, ihl);
    DESCRIBE(1, struct tcphdr___bits, syn);
    DESCRIBE(2, struct tcphdr___bits, doff);
    DESCRIBE(3, struct sk_buff___bits, pkt_type);
    DESCRIBE(4, struct sk_buff___bits, ip_summed);
    note(&notes[5], __builtin_preserve_field_info(none->no_such_bits, BPF_FIELD_EXISTS));
    if (data + 54 > (void *)(long)ctx->data_end)
        return XDP_PASS;
    note(&notes[6], BPF_CORE_READ_BITFIELD(ip, version));
    note(&notes[7], BPF_CORE_READ_BITFIELD(ip, ihl));
    note(&notes[8], BPF_CORE_READ_BITFIELD(ip6, priority));
    note(&notes[9], BPF_CORE_READ_BITFIELD(tcp, syn) * 2 + BPF_CORE_READ_BITFIELD(tcp, ack));
    note(&notes[10], BPF_CORE_READ_BITFIELD(tcp, doff));
    note(&notes[11], tcp->window);
    return BPF_CORE_READ_BITFIELD(tcp, syn) ? XDP_DROP : XDP_PASS;
}

LICENSE;
