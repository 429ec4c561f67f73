/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Connection look-ups where there are no connections: not found, and what is refused. */
#include "../notes.h"

struct nf_conn {
    unsigned long status;
};
struct bpf_ct_opts {
    s32 netns_id, error;
    u8 l4proto, dir;
    u16 ct_zone_id;
    u8 ct_zone_dir, reserved[3];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, u32 tuple_size,
                                         struct bpf_ct_opts *opts, u32 opts_size) __ksym;
extern void bpf_ct_release(struct nf_conn *connection) __ksym;

struct note notes[8];

static __always_inline void ask(struct xdp_md *ctx, struct note *result, struct bpf_sock_tuple *tuple, u32 size,
                                struct bpf_ct_opts opts)
{
    struct nf_conn *connection = bpf_xdp_ct_lookup(ctx, tuple, size, &opts, sizeof(opts));

    note(result, connection ? 1 : 0);
    note(result, opts.error);
    if (connection)
        bpf_ct_release(connection);
}

SEC("xdp") int conntrack(struct xdp_md *ctx)
{
    struct bpf_sock_tuple tuple = {.ipv6 = {}};
    struct bpf_ct_opts tcp = {.netns_id = -1, .l4proto = PROTO_TCP}, udp = tcp, icmp = tcp, odd = tcp, elsewhere = tcp;

    tuple.ipv4.saddr = 0x0100000a;
    tuple.ipv4.daddr = LENGTH(ctx);
    tuple.ipv4.sport = 1;
    tuple.ipv4.dport = 2;
    udp.l4proto = PROTO_UDP;
    icmp.l4proto = PROTO_ICMP;
    odd.reserved[1] = 1;
    elsewhere.netns_id = -2;
    ask(ctx, &notes[0], &tuple, sizeof(tuple.ipv4), tcp);
    ask(ctx, &notes[1], &tuple, sizeof(tuple.ipv6), udp);
    ask(ctx, &notes[2], &tuple, sizeof(tuple.ipv4), icmp);
    ask(ctx, &notes[3], &tuple, sizeof(tuple.ipv4), odd);
    ask(ctx, &notes[4], &tuple, sizeof(tuple.ipv4), elsewhere);
    ask(ctx, &notes[5], &tuple, 13, tcp);
    return notes[0].last == (u64)-2 ? XDP_PASS : XDP_DROP;
}

LICENSE;
