/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Longest prefix match for both families, filled by the program itself on its first packet. */
#include "common.h"

struct key4 {
    u32 prefix_bits;
    __be32 address;
};

struct key6 {
    u32 prefix_bits;
    __be32 address[4];
};

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 64);
    __type(key, struct key4);
    __type(value, u32);
} prefixes4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 64);
    __type(key, struct key6);
    __type(value, u32);
} prefixes6 SEC(".maps");

static u32 filled;

static __always_inline void fill(void)
{
    struct key4 ten = {8, bpf_htonl(0x0a000000)}, narrow = {24, bpf_htonl(0x0a000100)}, all = {0, 0};
    struct key6 documentation = {32, {bpf_htonl(0x20010db8)}};
    u32 value = 1;

    bpf_map_update_elem(&prefixes4, &ten, &value, BPF_ANY);
    value = 2;
    bpf_map_update_elem(&prefixes4, &narrow, &value, BPF_ANY);
    bpf_map_update_elem(&prefixes6, &documentation, &value, BPF_ANY);
    value = 3;
    bpf_map_update_elem(&prefixes4, &all, &value, BPF_ANY);
    filled = 1;
}

SEC("xdp") int blocklist_lpm(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u32 *value = 0;

    if (!filled)
        fill();
    if (!eth)
        return XDP_ABORTED;
    if (eth->type == bpf_htons(ETH_IPV4)) {
        struct ipv4 *ip = TAKE(&cursor, struct ipv4);
        struct key4 key = {32, 0};

        if (!ip)
            return XDP_ABORTED;
        key.address = ip->source;
        value = bpf_map_lookup_elem(&prefixes4, &key);
    } else if (eth->type == bpf_htons(ETH_IPV6)) {
        struct ipv6 *ip = TAKE(&cursor, struct ipv6);
        struct key6 key = {128};

        if (!ip)
            return XDP_ABORTED;
        __builtin_memcpy(key.address, ip->source, sizeof(key.address));
        value = bpf_map_lookup_elem(&prefixes6, &key);
    }
    if (!value)
        return XDP_PASS;
    return *value == 1 ? XDP_DROP : *value == 2 ? XDP_TX : XDP_PASS;
}

LICENSE;
