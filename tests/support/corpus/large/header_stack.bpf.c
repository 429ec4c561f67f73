/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* An unrolled parser for everything that may lie around a flow: up to N VLAN tags, IPv4 with options, IPv6 with N extension
 * headers, TCP with up to OPTIONS options; a counter per kind of header. */
#include "large.h"

#ifndef OPTIONS
#define OPTIONS 10
#endif

enum kind { KIND_TAG, KIND_IPV4, KIND_OPTIONS, KIND_IPV6, KIND_HOP, KIND_ROUTING, KIND_FRAGMENT, KIND_AUTH, KIND_TARGET,
            KIND_TCP, KIND_UDP, KIND_OTHER, KIND_SHORT, KINDS };

struct counters kinds[KINDS];
u64 segment_sizes, scales, timestamps;

struct extension {
    u8 next, length, rest[6];
} __attribute__((packed));

static __always_inline int short_by(u64 bytes)
{
    count(&kinds[KIND_SHORT], bytes);
    return XDP_DROP;
}

#define SKIP(cursor, bytes)                                                                        \
    ({                                                                                             \
        (cursor)->at += (bytes);                                                                   \
        (cursor)->at <= (cursor)->end;                                                             \
    })

static __always_inline bool tcp_options(struct cursor *cursor, u32 left)
{
    for (int i = 0; i < OPTIONS; i++) {
        u8 *kind, *length;

        if (left == 0)
            return true;
        kind = TAKE(cursor, u8);
        if (!kind)
            return false;
        if (*kind == 0)
            return true;
        left--;
        if (*kind == 1)
            continue;
        length = TAKE(cursor, u8);
        if (!length)
            return false;
        u64 bytes = *length;

        HIDE(bytes);
        if (bytes < 2 || bytes - 1 > left)
            return false;
        if (*kind == 2 && bytes == 4) {
            __be16 *size = cursor->at;

            if ((void *)(size + 1) > cursor->end)
                return false;
            segment_sizes += bpf_ntohs(*size);
        } else if (*kind == 3 && bytes == 3) {
            u8 *shift = cursor->at;

            if ((void *)(shift + 1) > cursor->end)
                return false;
            scales += *shift;
        } else if (*kind == 8) {
            timestamps++;
        }
        left -= bytes - 1;
        if (!SKIP(cursor, bytes - 2))
            return false;
    }
    return true;
}

static __always_inline int layer4(struct cursor *cursor, u8 protocol, u64 bytes)
{
    if (protocol == PROTO_TCP) {
        struct tcp *tcp = TAKE(cursor, struct tcp);

        if (!tcp)
            return short_by(bytes);
        count(&kinds[KIND_TCP], bytes);
        if (tcp->offset >> 4 < 5)
            return XDP_DROP;
        if (!tcp_options(cursor, ((tcp->offset >> 4) - 5) * 4))
            return short_by(bytes);
        return (tcp->flags & 3) == 3 ? XDP_DROP : XDP_PASS;
    }
    if (protocol == PROTO_UDP) {
        struct udp *udp = TAKE(cursor, struct udp);

        if (!udp)
            return short_by(bytes);
        count(&kinds[KIND_UDP], bytes);
        return udp->target == bpf_htons(19) ? XDP_DROP : XDP_PASS;
    }
    count(&kinds[KIND_OTHER], bytes);
    return XDP_PASS;
}

SEC("xdp") int header_stack(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at;
    struct eth *eth = TAKE(&cursor, struct eth);
    struct extension *extension;
    struct vlan *vlan;
    __be16 type;
    u8 protocol;

    if (!eth)
        return short_by(bytes);
    type = eth->type;
#define TAG(i)                                                                                     \
    if (type == bpf_htons(ETH_VLAN) || type == bpf_htons(ETH_QINQ)) {                              \
        vlan = TAKE(&cursor, struct vlan);                                                         \
        if (!vlan)                                                                                 \
            return short_by(bytes);                                                                \
        type = vlan->type;                                                                         \
        count(&kinds[KIND_TAG], bytes);                                                            \
    }
    EACH(N, TAG)
    if (type == bpf_htons(ETH_IPV4)) {
        struct ipv4 *ip = TAKE(&cursor, struct ipv4);

        if (!ip)
            return short_by(bytes);
        count(&kinds[KIND_IPV4], bytes);
        u64 words = ip->version_length & 15;

        HIDE(words);
        if (words < 5)
            return XDP_DROP;
        if (words > 5)
            count(&kinds[KIND_OPTIONS], bytes);
        if (!SKIP(&cursor, (words - 5) * 4))
            return short_by(bytes);
        return layer4(&cursor, ip->protocol, bytes);
    }
    if (type != bpf_htons(ETH_IPV6))
        return XDP_PASS;
    struct ipv6 *ip = TAKE(&cursor, struct ipv6);

    if (!ip)
        return short_by(bytes);
    protocol = ip->next;
    count(&kinds[KIND_IPV6], bytes);
#define EXTENSION(i)                                                                               \
    switch (protocol) {                                                                            \
    case 0:                                                                                        \
    case 43:                                                                                       \
    case 60:                                                                                       \
        extension = TAKE(&cursor, struct extension);                                               \
        if (!extension || !SKIP(&cursor, extension->length * 8))                                   \
            return short_by(bytes);                                                                \
        count(&kinds[protocol == 0 ? KIND_HOP : protocol == 43 ? KIND_ROUTING : KIND_TARGET], bytes); \
        protocol = extension->next;                                                                \
        break;                                                                                     \
    case 44:                                                                                       \
        extension = TAKE(&cursor, struct extension);                                               \
        if (!extension)                                                                            \
            return short_by(bytes);                                                                \
        count(&kinds[KIND_FRAGMENT], bytes);                                                       \
        if (extension->rest[0] || extension->rest[1] & 0xf8)                                       \
            return XDP_PASS;                                                                       \
        protocol = extension->next;                                                                \
        break;                                                                                     \
    case 51:                                                                                       \
        extension = TAKE(&cursor, struct extension);                                               \
        if (!extension || !SKIP(&cursor, extension->length * 4))                                   \
            return short_by(bytes);                                                                \
        count(&kinds[KIND_AUTH], bytes);                                                           \
        protocol = extension->next;                                                                \
        break;                                                                                     \
    }
    EACH(N, EXTENSION)
    return layer4(&cursor, protocol, bytes);
}

LICENSE;
