/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* DNS over UDP: walks the labels of a question's name, hashes it in lower case, and looks it and its parent domains up. */
#include "large.h"

#define LABELS 8
#define NAME_BYTES N

MAP(blocked, BPF_MAP_TYPE_HASH, 4096, u32, u32);
u64 questions, malformed, refused[16];

struct dns {
    __be16 id, flags, questions, answers, authority, additional;
};

SEC("xdp") int dns_names(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    struct udp *udp = TAKE(&cursor, struct udp);
    struct dns *dns = TAKE(&cursor, struct dns);
    u32 hashes[LABELS] = {}, hash = 0, label = 0, left = 0;

    if (!eth || !ip || !udp || !dns || eth->type != bpf_htons(ETH_IPV4) || ip->protocol != PROTO_UDP ||
        udp->target != bpf_htons(53))
        return XDP_PASS;
    questions++;
    for (u32 i = 0; i < NAME_BYTES; i++) {
        u8 *byte = TAKE(&cursor, u8);

        if (!byte)
            goto bad;
        HIDE(cursor.at);
        if (left == 0) {
            left = *byte;
            if (left == 0)
                break;
            if (left > 63)
                goto bad;
            label++;
            if (label >= LABELS)
                goto bad;
            hashes[label & (LABELS - 1)] = hash;
            continue;
        }
        left--;
        hash = mix(hash, *byte >= 'A' && *byte <= 'Z' ? *byte | 32 : *byte);
    }
    if (left)
        goto bad;
    hashes[0] = hash;
    for (u32 i = 0; i < LABELS; i++) {
        u32 key = hashes[i];
        u32 *rule = bpf_map_lookup_elem(&blocked, &key);

        if (!rule)
            continue;
        refused[*rule & 15]++;
        return *rule & 1 ? XDP_DROP : XDP_TX;
    }
    return XDP_PASS;
bad:
    malformed++;
    return XDP_DROP;
}

LICENSE;
