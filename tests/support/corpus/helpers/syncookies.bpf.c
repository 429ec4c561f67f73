/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Raw SYN cookies: one that was made is found right, one with a bit changed is not. The cookie itself is chance. */
#include "../notes.h"

struct tcp_bits {
    __be16 source, target;
    __be32 sequence, acknowledgement;
    u8 offset, flags;
    __be16 window, checksum, urgent;
    u8 options[8];
};

struct ipv4_aligned {
    u8 version_length, tos;
    __be16 length, id, fragment;
    u8 ttl, protocol;
    __be16 checksum;
    __be32 source, target;
};

struct ipv6_aligned {
    __be32 version_flow;
    __be16 length;
    u8 next, hops;
    __be32 source[4], target[4];
};

struct note notes[12];

static __always_inline void acknowledge(struct tcp_bits *tcp, u64 cookie)
{
    tcp->flags = 0x10;
    tcp->sequence = bpf_htonl(bpf_ntohl(tcp->sequence) + 1);
    tcp->acknowledgement = bpf_htonl((u32)cookie + 1);
}

SEC("xdp") int syncookies(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    struct ipv4_aligned ip = {.version_length = 0x45, .protocol = 6, .source = length, .target = 0x0100007f};
    struct ipv6_aligned ip6 = {.version_flow = bpf_htonl(0x60000000), .next = 6, .source = {1, 2, 3, length}};
    struct tcp_bits tcp = {.source = (__be16)length, .target = bpf_htons(80), .sequence = 0x11223344, .offset = 0x70,
                           .flags = 2, .options = {2, 4, 0x05, 0xb4, 1, 1, 1, 0}}, first = tcp;
    s64 cookie = bpf_tcp_raw_gen_syncookie_ipv4((void *)&ip, (void *)&tcp, 28);

    note(&notes[0], cookie >= 0 ? cookie >> 32 : cookie);
    acknowledge(&tcp, cookie);
    note(&notes[1], bpf_tcp_raw_check_syncookie_ipv4((void *)&ip, (void *)&tcp));
    tcp.acknowledgement ^= bpf_htonl(0x00ff0000);
    note(&notes[2], bpf_tcp_raw_check_syncookie_ipv4((void *)&ip, (void *)&tcp) != 0);
    note(&notes[3], bpf_tcp_raw_gen_syncookie_ipv4((void *)&ip, (void *)&first, 20));
    tcp = first;
    cookie = bpf_tcp_raw_gen_syncookie_ipv6((void *)&ip6, (void *)&tcp, 28);
    note(&notes[4], cookie >= 0 ? cookie >> 32 : cookie);
    acknowledge(&tcp, cookie);
    note(&notes[5], bpf_tcp_raw_check_syncookie_ipv6((void *)&ip6, (void *)&tcp));
    ip6.source[3]++;
    note(&notes[6], bpf_tcp_raw_check_syncookie_ipv6((void *)&ip6, (void *)&tcp) != 0);
    note(&notes[7], bpf_tcp_raw_gen_syncookie_ipv6((void *)&ip6, (void *)&first, 24));
    return notes[1].last ? XDP_DROP : XDP_TX;
}

LICENSE;
