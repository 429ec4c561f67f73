/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* fib_lookup for both families: the packet's own addresses and fixed ones, with every flag, against the routes and
   neighbours of the test's network. */
#include "../notes.h"

#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

struct note notes[64];

static __always_inline void keep(struct note *results, struct bpf_fib_lookup *params, long result)
{
    u64 mac = 0;

    note(&results[0], result);
    note(&results[1], params->ifindex);
    note(&results[2], params->mtu_result);
    __builtin_memcpy(&mac, params->dmac, 6);
    note(&results[3], result == 0 ? mac : 0);
    mac = 0;
    __builtin_memcpy(&mac, params->smac, 6);
    note(&results[4], result == 0 ? mac : 0);
    note(&results[5], params->family == FAMILY_IPV4 ? params->ipv4_dst : params->ipv6_dst[3]);
    note(&results[6], params->family == FAMILY_IPV4 ? params->ipv4_src : params->ipv6_src[3]);
}

static __always_inline void ask4(struct xdp_md *ctx, struct note *results, __be32 target, u32 flags, u32 ifindex,
                                 u16 total)
{
    struct bpf_fib_lookup params = {.family = FAMILY_IPV4, .ifindex = ifindex, .tot_len = total};

    params.ipv4_src = bpf_htonl(0x0a640001);
    params.ipv4_dst = target;
    params.l4_protocol = PROTO_UDP;
    keep(results, &params, bpf_fib_lookup(ctx, &params, sizeof(params), flags));
}

static __always_inline void ask6(struct xdp_md *ctx, struct note *results, __be32 first, __be32 last, u32 flags)
{
    struct bpf_fib_lookup params = {.family = FAMILY_IPV6, .ifindex = 10, .tot_len = 100};

    params.ipv6_src[0] = bpf_htonl(0x20010db8);
    params.ipv6_src[3] = bpf_htonl(1);
    params.ipv6_dst[0] = first;
    params.ipv6_dst[3] = last;
    keep(results, &params, bpf_fib_lookup(ctx, &params, sizeof(params), flags));
}

SEC("xdp") int fib_lookup(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    struct bpf_fib_lookup params = {.family = 7, .ifindex = 10};
    __be32 target = bpf_htonl(0x0a640101);

    if (eth && ip && eth->type == bpf_htons(ETH_IPV4))
        target = ip->target;
    ask4(ctx, &notes[0], target, 0, 10, 60);
    ask4(ctx, &notes[7], bpf_htonl(0x0a640101), 0, 10, 0);
    ask4(ctx, &notes[14], bpf_htonl(0x0a650005), BPF_FIB_LOOKUP_OUTPUT, 11, 1600);
    ask4(ctx, &notes[21], bpf_htonl(0x0a66ffff), BPF_FIB_LOOKUP_DIRECT, 10, 60);
    ask4(ctx, &notes[28], target, BPF_FIB_LOOKUP_SKIP_NEIGH, 10, 60);
    ask6(ctx, &notes[35], bpf_htonl(0x20010db8), bpf_htonl(2), 0);
    ask6(ctx, &notes[42], bpf_htonl(0x20010db8), bpf_htonl(LENGTH(ctx)), BPF_FIB_LOOKUP_OUTPUT);
    note(&notes[56], bpf_fib_lookup(ctx, &params, sizeof(params), 0));
    params.family = FAMILY_IPV4;
    note(&notes[57], bpf_fib_lookup(ctx, &params, sizeof(params), 1 << 10));
    note(&notes[58], bpf_fib_lookup(ctx, &params, sizeof(params) - 4, 0));
    params.ifindex = 999;
    note(&notes[59], bpf_fib_lookup(ctx, &params, sizeof(params), 0));
    return notes[0].last == BPF_FIB_LKUP_RET_SUCCESS ? XDP_TX : XDP_PASS;
}

LICENSE;
