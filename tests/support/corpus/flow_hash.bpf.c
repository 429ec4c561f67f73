/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A flow table: look-up, update with every flag, delete on FIN. */
#include "common.h"

struct flow {
    __be32 source, target;
    __be16 source_port, target_port;
    u8 protocol, pad[3];
};

struct state {
    u64 packets;
    u32 bytes, flags;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 128);
    __type(key, struct flow);
    __type(value, struct state);
} flows SEC(".maps");

SEC("xdp") int flow_hash(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct flow flow = {};
    struct state fresh = {.packets = 1}, *state;
    struct ipv4 *ip;
    struct tcp *tcp;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip || ip->version_length != 0x45 || ip->protocol != PROTO_TCP)
        return XDP_PASS;
    tcp = TAKE(&cursor, struct tcp);
    if (!tcp)
        return XDP_DROP;
    flow.source = ip->source;
    flow.target = ip->target;
    flow.source_port = tcp->source;
    flow.target_port = tcp->target;
    flow.protocol = ip->protocol;
    if (tcp->flags & 1)
        return bpf_map_delete_elem(&flows, &flow) ? XDP_DROP : XDP_TX;
    state = bpf_map_lookup_elem(&flows, &flow);
    if (!state) {
        fresh.bytes = bpf_ntohs(ip->length);
        fresh.flags = tcp->flags;
        return bpf_map_update_elem(&flows, &flow, &fresh, BPF_NOEXIST) ? XDP_ABORTED : XDP_PASS;
    }
    state->packets += 1;
    state->bytes += bpf_ntohs(ip->length);
    state->flags |= tcp->flags;
    if (state->packets == 3)
        return bpf_map_update_elem(&flows, &flow, &fresh, BPF_EXIST) ? XDP_ABORTED : XDP_TX;
    return XDP_PASS;
}

LICENSE;
