/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What the corpus programs share: wire formats, bounds-checked parsing, map definitions. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define ETH_IPV4 0x0800
#define ETH_IPV6 0x86dd
#define ETH_ARP 0x0806
#define ETH_VLAN 0x8100
#define ETH_QINQ 0x88a8
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17

#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

struct eth {
    u8 dst[6], src[6];
    __be16 type;
} __attribute__((packed));

struct vlan {
    __be16 tci, type;
} __attribute__((packed));

struct ipv4 {
    u8 version_length, tos;
    __be16 length, id, fragment;
    u8 ttl, protocol;
    __be16 checksum;
    __be32 source, target;
} __attribute__((packed));

struct ipv6 {
    __be32 version_flow;
    __be16 length;
    u8 next, hops;
    __be32 source[4], target[4];
} __attribute__((packed));

struct ports {
    __be16 source, target;
} __attribute__((packed));

struct tcp {
    __be16 source, target;
    __be32 sequence, acknowledgement;
    u8 offset, flags;
    __be16 window, checksum, urgent;
} __attribute__((packed));

struct udp {
    __be16 source, target, length, checksum;
} __attribute__((packed));

struct cursor {
    void *at, *end;
};

static __always_inline struct cursor cursor_of(struct xdp_md *ctx)
{
    struct cursor cursor = {(void *)(long)ctx->data, (void *)(long)ctx->data_end};
    return cursor;
}

/* Steps over `size` bytes and returns their start, or 0 where the packet ends before. */
#define TAKE(cursor, type)                                                                         \
    ({                                                                                             \
        type *part = (cursor)->at;                                                                 \
        if ((void *)(part + 1) > (cursor)->end)                                                    \
            part = 0;                                                                              \
        else                                                                                       \
            (cursor)->at = part + 1;                                                               \
        part;                                                                                      \
    })

#define LICENSE char program_license[] SEC("license") = "Dual BSD/GPL"
