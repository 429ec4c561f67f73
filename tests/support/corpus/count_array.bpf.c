/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Packets and bytes per protocol in an array: plain additions. */
#include "common.h"

struct counter {
    u64 packets, bytes;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 256);
    __type(key, u32);
    __type(value, struct counter);
} protocols SEC(".maps");

SEC("xdp") int count_array(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct counter *counter;
    struct ipv4 *ip;
    u32 key;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    ip = TAKE(&cursor, struct ipv4);
    if (!ip)
        return XDP_PASS;
    key = ip->protocol;
    counter = bpf_map_lookup_elem(&protocols, &key);
    if (!counter)
        return XDP_ABORTED;
    counter->packets++;
    counter->bytes += ctx->data_end - ctx->data;
    return XDP_PASS;
}

LICENSE;
