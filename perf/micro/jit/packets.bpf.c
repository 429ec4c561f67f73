/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What several programs do with a packet; included by them. */
#pragma once

#include "perf/micro/jit/source.h"

struct prefix {
    __u32 bits;
    __u32 address;
};

struct ports {
    __u16 source;
    __u16 destination;
};

struct flow {
    __u32 source;
    __u32 destination;
    struct ports ports;
    __u32 protocol;
};

/* IPv4 without options, TCP or UDP, with the ports behind it; or 0. */
static __always_inline struct iphdr *parse(struct xdp_md *ctx)
{
    struct ethhdr *eth = (struct ethhdr *)PACKET_START(ctx);
    struct iphdr *ip = (struct iphdr *)(eth + 1);
    struct ports *ports = (struct ports *)(ip + 1);

    if ((char *)(ports + 1) > PACKET_END(ctx))
        return 0;
    if (eth->h_proto != BE16(ETH_P_IP) || *(__u8 *)ip != 0x45)
        return 0;
    return ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP ? ip : 0;
}

static __always_inline struct ports *ports_of(struct iphdr *ip)
{
    return (struct ports *)(ip + 1);
}

static __always_inline struct flow flow_of(struct iphdr *ip)
{
    struct flow flow = {ip->saddr, ip->daddr, *ports_of(ip), ip->protocol};

    return flow;
}

/* Bob Jenkins' final mix (lookup3.c, public domain). */
#define ROTATE(word, bits) ((word) << (bits) | (word) >> (32 - (bits)))
static __always_inline __u32 mixed(__u32 a, __u32 b, __u32 c)
{
    c ^= b;
    c -= ROTATE(b, 14);
    a ^= c;
    a -= ROTATE(c, 11);
    b ^= a;
    b -= ROTATE(a, 25);
    c ^= b;
    c -= ROTATE(b, 16);
    a ^= c;
    a -= ROTATE(c, 4);
    b ^= a;
    b -= ROTATE(a, 14);
    c ^= b;
    c -= ROTATE(b, 24);
    return c;
}

static __always_inline __u32 hash_of(struct flow flow)
{
    __u32 ports = flow.ports.source + ((__u32)flow.ports.destination << 16);

    return mixed(flow.source + 0xdeadbeef, flow.destination + 0xdeadbeef, ports + flow.protocol);
}
