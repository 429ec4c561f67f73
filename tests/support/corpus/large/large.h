/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What the large programs share: code repeated by the preprocessor, and the shorthand of real packet programs. */
#pragma once

#include "../common.h"

#ifndef N
#define N 10
#endif

/* DO(at) DO(at + 1) ... for `count` numbers. The compiler's own unrolling has limits that a benchmark of sizes must not meet. */
#define EACH(count, DO) EACH_(count, DO)
#define EACH_(count, DO) EACH_##count(DO, 0)
#define EACH_1(DO, at) DO((at))
#define EACH_2(DO, at) EACH_1(DO, at) EACH_1(DO, (at) + 1)
#define EACH_3(DO, at) EACH_2(DO, at) EACH_1(DO, (at) + 2)
#define EACH_4(DO, at) EACH_2(DO, at) EACH_2(DO, (at) + 2)
#define EACH_5(DO, at) EACH_4(DO, at) EACH_1(DO, (at) + 4)
#define EACH_8(DO, at) EACH_4(DO, at) EACH_4(DO, (at) + 4)
#define EACH_10(DO, at) EACH_5(DO, at) EACH_5(DO, (at) + 5)
#define EACH_12(DO, at) EACH_8(DO, at) EACH_4(DO, (at) + 8)
#define EACH_16(DO, at) EACH_8(DO, at) EACH_8(DO, (at) + 8)
#define EACH_20(DO, at) EACH_10(DO, at) EACH_10(DO, (at) + 10)
#define EACH_32(DO, at) EACH_16(DO, at) EACH_16(DO, (at) + 16)
#define EACH_40(DO, at) EACH_20(DO, at) EACH_20(DO, (at) + 20)
#define EACH_64(DO, at) EACH_32(DO, at) EACH_32(DO, (at) + 32)
#define EACH_80(DO, at) EACH_40(DO, at) EACH_40(DO, (at) + 40)
#define EACH_100(DO, at) EACH_80(DO, at) EACH_20(DO, (at) + 80)
#define EACH_128(DO, at) EACH_64(DO, at) EACH_64(DO, (at) + 64)
#define EACH_160(DO, at) EACH_80(DO, at) EACH_80(DO, (at) + 80)
#define EACH_256(DO, at) EACH_128(DO, at) EACH_128(DO, (at) + 128)
#define EACH_300(DO, at) EACH_160(DO, at) EACH_100(DO, (at) + 160) EACH_40(DO, (at) + 260)
#define EACH_400(DO, at) EACH_300(DO, at) EACH_100(DO, (at) + 300)
#define EACH_512(DO, at) EACH_256(DO, at) EACH_256(DO, (at) + 256)
#define EACH_1024(DO, at) EACH_512(DO, at) EACH_512(DO, (at) + 512)

/* The compiler forgets what it knows of a variable. */
#define HIDE(variable) asm volatile("" : "+r"(variable))

#define MAP(name, kind, entries, key_type, value_type)                                             \
    struct {                                                                                       \
        __uint(type, kind);                                                                        \
        __uint(max_entries, entries);                                                              \
        __type(key, key_type);                                                                     \
        __type(value, value_type);                                                                 \
    } name SEC(".maps")

#define PROTO_IPIP 4
#define PROTO_IPV6 41
#define PROTO_GRE 47
#define PROTO_ICMPV6 58
#define ETH_TRANSPARENT 0x6558
#define PORT_VXLAN 4789

struct counters {
    u64 packets, bytes;
};

struct flow {
    __be32 source[4], target[4];
    struct ports ports;
    u8 protocol, family;
    u16 unused;
};

static __always_inline void count(struct counters *counters, u64 bytes)
{
    counters->packets++;
    counters->bytes += bytes;
}

/* Bits of a hash that spread well enough for tests (Bob Jenkins' one-at-a-time). */
static __always_inline u32 mix(u32 hash, u32 value)
{
    hash += value;
    hash += hash << 10;
    return hash ^ hash >> 6;
}

static __always_inline u32 flow_hash(const struct flow *flow)
{
    u32 hash = flow->protocol;

    for (int i = 0; i < 4; i++)
        hash = mix(mix(hash, flow->source[i]), flow->target[i]);
    return mix(hash, flow->ports.source << 16 | flow->ports.target);
}

static __always_inline u16 fold(u64 sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (u16)(sum + (sum >> 16));
}
