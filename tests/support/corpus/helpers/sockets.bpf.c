/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Socket look-ups where no socket is, with the SYN cookies of sockets behind them; tuples of sizes that are none. */
#include "../notes.h"

struct note notes[12];

static __always_inline void use(struct xdp_md *ctx, struct note *result, struct bpf_sock *socket, void *ip, void *tcp)
{
    note(result, socket ? 1 : 0);
    if (!socket)
        return;
    note(result, bpf_tcp_gen_syncookie(socket, ip, 20, tcp, 20) > 0);
    note(result, bpf_tcp_check_syncookie(socket, ip, 20, tcp, 20));
    bpf_sk_release(socket);
}

SEC("xdp") int sockets(struct xdp_md *ctx)
{
    struct bpf_sock_tuple tuple = {.ipv4 = {.saddr = 0x0200640a, .daddr = 0x0100640a, .sport = 1, .dport = 2}};
    u8 ip[20] = {0x45}, tcp[20] = {};

    tuple.ipv4.sport = (__be16)LENGTH(ctx);
    use(ctx, &notes[0], bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0), ip, tcp);
    use(ctx, &notes[1], bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0), ip, tcp);
    use(ctx, &notes[2], bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0), ip, tcp);
    use(ctx, &notes[3], bpf_sk_lookup_tcp(ctx, &tuple, 7, BPF_F_CURRENT_NETNS, 0), ip, tcp);
    use(ctx, &notes[4], bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), 5555, 0), ip, tcp);
    use(ctx, &notes[5], bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 9), ip, tcp);
    return notes[0].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
