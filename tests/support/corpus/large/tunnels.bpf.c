/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Tunnels in tunnels, N deep: IP in IP, GRE with optional fields, VXLAN; each level is parsed whole and hashed. */
#include "large.h"

MAP(tunnel_ends, BPF_MAP_TYPE_HASH, 1024, u32, struct counters);
struct counters depths[N + 1];

struct gre {
    __be16 flags, protocol;
};

struct vxlan {
    u8 flags, unused[3];
    __be32 network;
};

struct level {
    __be16 type;   /* what lies at the cursor, as an EtherType; 0: nothing that we read */
    bool with_eth; /* behind an Ethernet header */
    u32 hash;
};

static __always_inline bool gre_payload(struct cursor *cursor, struct level *level)
{
    struct gre *gre = TAKE(cursor, struct gre);

    if (!gre)
        return false;
    if (gre->flags & bpf_htons(0x8000) && !TAKE(cursor, __be32))
        return false;
    if (gre->flags & bpf_htons(0x2000)) {
        __be32 *key = TAKE(cursor, __be32);

        if (!key)
            return false;
        level->hash = mix(level->hash, *key);
    }
    if (gre->flags & bpf_htons(0x1000) && !TAKE(cursor, __be32))
        return false;
    level->type = gre->protocol;
    level->with_eth = gre->protocol == bpf_htons(ETH_TRANSPARENT);
    return true;
}

static __always_inline bool udp_payload(struct cursor *cursor, struct level *level)
{
    struct udp *udp = TAKE(cursor, struct udp);
    struct vxlan *vxlan;

    if (!udp)
        return false;
    level->hash = mix(level->hash, udp->source << 16 | udp->target);
    level->type = 0;
    if (udp->target != bpf_htons(PORT_VXLAN))
        return true;
    vxlan = TAKE(cursor, struct vxlan);
    if (!vxlan || !(vxlan->flags & 8))
        return false;
    level->hash = mix(level->hash, vxlan->network);
    level->with_eth = true;
    return true;
}

static __always_inline bool payload(struct cursor *cursor, struct level *level, u8 protocol)
{
    level->with_eth = false;
    switch (protocol) {
    case PROTO_IPIP:
        level->type = bpf_htons(ETH_IPV4);
        return true;
    case PROTO_IPV6:
        level->type = bpf_htons(ETH_IPV6);
        return true;
    case PROTO_GRE:
        return gre_payload(cursor, level);
    case PROTO_UDP:
        return udp_payload(cursor, level);
    }
    level->type = 0;
    return true;
}

static __always_inline bool one_level(struct cursor *cursor, struct level *level)
{
    if (level->with_eth) {
        struct eth *eth = TAKE(cursor, struct eth);

        if (!eth)
            return false;
        level->type = eth->type;
    }
    if (level->type == bpf_htons(ETH_IPV4)) {
        struct ipv4 *ip = TAKE(cursor, struct ipv4);
        struct counters *end;
        u32 key;

        if (!ip || (ip->version_length & 15) < 5)
            return false;
        cursor->at += ((ip->version_length & 15) - 5) * 4;
        if (cursor->at > cursor->end)
            return false;
        key = ip->source;
        end = bpf_map_lookup_elem(&tunnel_ends, &key);
        if (end)
            count(end, bpf_ntohs(ip->length));
        level->hash = mix(mix(level->hash, ip->source), ip->target);
        return payload(cursor, level, ip->protocol);
    }
    if (level->type == bpf_htons(ETH_IPV6)) {
        struct ipv6 *ip = TAKE(cursor, struct ipv6);

        if (!ip)
            return false;
        for (int i = 0; i < 4; i++)
            level->hash = mix(mix(level->hash, ip->source[i]), ip->target[i]);
        return payload(cursor, level, ip->next);
    }
    level->type = 0;
    return true;
}

SEC("xdp") int tunnels(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at;
    struct level level = {.with_eth = true};

#define LEVEL(i)                                                                                   \
    if (!one_level(&cursor, &level))                                                               \
        return XDP_DROP;                                                                           \
    if (!level.type && !level.with_eth) {                                                          \
        count(&depths[i], bytes);                                                                  \
        return level.hash & 1 ? XDP_TX : XDP_PASS;                                                 \
    }
    EACH(N, LEVEL)
    count(&depths[N], bytes);
    return XDP_DROP;
}

LICENSE;
