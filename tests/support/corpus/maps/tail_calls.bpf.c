/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Tail calls through a prog array with static contents: slots that are set, empty and beyond the end. */
#include "../notes.h"

int handle_ipv4(struct xdp_md *ctx);
int handle_ipv6(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 8);
    __uint(key_size, 4);
    __array(values, int(struct xdp_md *));
} handlers SEC(".maps") = {.values = {[1] = (void *)&handle_ipv4, [6] = (void *)&handle_ipv6}};

u32 ipv4, ipv6, others, last_slot;

SEC("xdp") int handle_ipv4(struct xdp_md *ctx)
{
    ipv4++;
    return XDP_TX;
}

SEC("xdp") int handle_ipv6(struct xdp_md *ctx)
{
    ipv6++;
    bpf_tail_call(ctx, &handlers, 1);
    return XDP_DROP;
}

SEC("xdp") int tail_calls(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u32 slot = 3;

    if (!eth)
        return XDP_ABORTED;
    if (eth->type == bpf_htons(ETH_IPV4))
        slot = 1;
    else if (eth->type == bpf_htons(ETH_IPV6))
        slot = 6;
    else if (eth->type == bpf_htons(ETH_ARP))
        slot = 0xffffffff;
    last_slot = slot;
    bpf_tail_call(ctx, &handlers, slot);
    others++;
    return XDP_PASS;
}

LICENSE;
