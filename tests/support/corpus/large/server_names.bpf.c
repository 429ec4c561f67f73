/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* TLS ClientHello: steps over session, cipher suites and compression, each with its own length, then through up to N
 * extensions to the server's name, and hashes that. */
#include "large.h"

#define NAME_BYTES 32

MAP(names, BPF_MAP_TYPE_LRU_HASH, 4096, u32, struct counters);
u64 hellos, without_name;

static __always_inline u64 be16_at(const u8 *at)
{
    return at[0] << 8 | at[1];
}

#define NEED(bytes)                                                                                \
    if ((void *)(at + (bytes)) > end)                                                              \
        return XDP_PASS;

SEC("xdp") int server_names(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at, skip;
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    struct tcp *tcp = TAKE(&cursor, struct tcp);
    void *end = cursor.end;
    u8 *at;

    if (!eth || !ip || !tcp || eth->type != bpf_htons(ETH_IPV4) || ip->protocol != PROTO_TCP)
        return XDP_PASS;
    skip = tcp->offset >> 4;
    HIDE(skip);
    if (skip < 5)
        return XDP_DROP;
    at = cursor.at + (skip - 5) * 4;
    NEED(43)
    if (at[0] != 22 || at[5] != 1)
        return XDP_PASS;
    hellos++;
    at += 43;
    NEED(1)
    skip = at[0];
    at += skip + 1;
    NEED(2)
    skip = be16_at(at);
    if (skip > 512)
        return XDP_PASS;
    at += skip + 2;
    NEED(1)
    skip = at[0];
    at += skip + 1;
    NEED(2)
    at += 2;
    for (u32 i = 0; i < N; i++) {
        u32 hash = 0, length;

        NEED(4)
        skip = be16_at(at + 2);
        if (skip > 1024)
            return XDP_PASS;
        if (be16_at(at) != 0) {
            at += 4 + skip;
            continue;
        }
        NEED(9)
        length = be16_at(at + 7);
        at += 9;
        for (u32 j = 0; j < NAME_BYTES; j++) {
            if (j >= length)
                break;
            NEED(j + 1)
            hash = mix(hash, at[j]);
        }
        struct counters *name = bpf_map_lookup_elem(&names, &hash);
        struct counters fresh = {1, bytes};

        if (name)
            count(name, bytes);
        else
            bpf_map_update_elem(&names, &hash, &fresh, BPF_ANY);
        return XDP_PASS;
    }
    without_name++;
    return XDP_PASS;
}

LICENSE;
