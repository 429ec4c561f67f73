/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* CO-RE: fields of wire formats where the kernel has them, though declared in another order and size here; offsets,
   sizes, signs and existence of fields of the kernel's own structs. */
#include "../notes.h"
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct in6_addr___here {
    u8 whatever[16];
};
struct ethhdr___here {
    __be16 h_proto;
    unsigned char h_source[6], h_dest[6];
};
struct iphdr___here {
    __be32 daddr;
    __be32 saddr;
    u8 protocol, ttl;
    __be16 tot_len;
};
struct udphdr {
    __be16 dest, len, source, check;
};
struct net_device___here {
    int ifindex;
    unsigned int mtu;
    u32 no_such_field;
    char name[16];
};
struct sk_buff___here {
    unsigned int len, data_len;
    unsigned short protocol;
    void *data;
};
struct xdp_buff___here {
    void *data, *data_end, *data_hard_start;
    u32 frame_sz;
};
#pragma clang attribute pop

struct note notes[24];

SEC("xdp") int core_fields(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    struct ethhdr___here *eth = data;
    struct iphdr___here *ip = data + 14;
    struct udphdr *udp = data + 34;

    note(&notes[0], bpf_core_field_offset(struct net_device___here, ifindex));
    note(&notes[1], bpf_core_field_offset(struct net_device___here, name));
    note(&notes[2], bpf_core_field_size(struct net_device___here, name));
    note(&notes[3], bpf_core_field_exists(struct net_device___here, no_such_field));
    note(&notes[4], bpf_core_field_exists(struct net_device___here, mtu));
    note(&notes[5], bpf_core_field_offset(struct sk_buff___here, data));
    note(&notes[6], bpf_core_field_size(struct sk_buff___here, len));
    note(&notes[7], bpf_core_field_offset(struct xdp_buff___here, frame_sz));
    note(&notes[8], __builtin_preserve_field_info(((struct net_device___here *)0)->ifindex, BPF_FIELD_SIGNED));
    note(&notes[9], __builtin_preserve_field_info(((struct net_device___here *)0)->mtu, BPF_FIELD_SIGNED));
    note(&notes[10], bpf_core_field_exists(struct xdp_buff___here, data_hard_start));
    if (data + 42 > (void *)(long)ctx->data_end)
        return XDP_PASS;
    note(&notes[11], eth->h_proto);
    note(&notes[12], eth->h_source[2] * 256 + eth->h_dest[5]);
    note(&notes[13], ip->protocol);
    note(&notes[14], ip->saddr ^ ip->daddr);
    note(&notes[15], bpf_ntohs(ip->tot_len) + ip->ttl);
    note(&notes[16], udp->dest * 65536u + udp->source);
    ip->ttl--;
    return ip->protocol == PROTO_UDP ? XDP_TX : XDP_PASS;
}

LICENSE;
