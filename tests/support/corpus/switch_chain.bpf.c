/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A long switch, sparse and dense: chains of jumps, also 32-bit ones. */
#include "common.h"

u32 kinds[8];

static __noinline u32 kind_of(u32 port)
{
    switch (port) {
    case 20: case 21: case 22: case 23: return 1;
    case 25: case 110: case 143: case 993: return 2;
    case 53: case 5353: return 3;
    case 80: case 443: case 8080: case 8443: return 4;
    case 123: return 5;
    case 1024 ... 2047: return 6;
    case 65535: return 7;
    default: return 0;
    }
}

SEC("xdp") int switch_chain(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = eth ? TAKE(&cursor, struct ipv4) : 0;
    struct ports *ports = ip ? TAKE(&cursor, struct ports) : 0;
    u32 kind;

    if (!ports)
        return XDP_PASS;
    kind = kind_of(bpf_ntohs(ports->target));
    kinds[kind & 7]++;
    return kind == 4 ? XDP_DROP : kind == 3 ? XDP_TX : XDP_PASS;
}

LICENSE;
