/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Checksums over what is there: an IPv4 header with options, TCP and UDP with their pseudo header over up to N words of
 * payload, the last byte alone; unrolled, and as a loop. */
#include "large.h"

u64 good, bad, short_packets;

static __always_inline u64 pseudo_header(const struct ipv4 *ip, u32 bytes)
{
    return (u64)(ip->source & 0xffff) + (ip->source >> 16) + (ip->target & 0xffff) + (ip->target >> 16) +
           bpf_htons(ip->protocol) + bpf_htons(bytes);
}

static __always_inline int judge(u64 sum)
{
    if (fold(sum) == 0xffff) {
        good++;
        return XDP_PASS;
    }
    bad++;
    return XDP_DROP;
}

SEC("xdp") int checksum_loop(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    u64 sum = 0, header = 0;
    u32 header_words, left;
    __be16 *word;

    if (!eth || !ip || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    header_words = (ip->version_length & 15) * 2;
    if (header_words < 10)
        return XDP_DROP;
    cursor.at = ip;
    HIDE(cursor.at);
    for (u32 i = 0; i < 30; i++) {
        if (i >= header_words)
            break;
        word = TAKE(&cursor, __be16);
        if (!word)
            return XDP_DROP;
        header += *word;
        HIDE(cursor.at);
    }
    if (fold(header) != 0xffff)
        return XDP_DROP;
    left = bpf_ntohs(ip->length);
    if (left < header_words * 2)
        return XDP_DROP;
    left -= header_words * 2;
    sum = pseudo_header(ip, left);
    for (u32 i = 0; i < N; i++) {
        if (left < 2)
            break;
        word = TAKE(&cursor, __be16);
        if (!word) {
            short_packets++;
            return XDP_DROP;
        }
        sum += *word;
        left -= 2;
        HIDE(cursor.at);
    }
    if (left == 1) {
        u8 *byte = TAKE(&cursor, u8);

        if (!byte)
            return XDP_DROP;
        sum += *byte;
    }
    return judge(sum);
}

SEC("xdp") int checksum_unrolled(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct ipv4 *ip = TAKE(&cursor, struct ipv4);
    u64 sum = 0;
    u32 left;
    __be16 *word;

    if (!eth || !ip || eth->type != bpf_htons(ETH_IPV4) || (ip->version_length & 15) != 5)
        return XDP_PASS;
    left = bpf_ntohs(ip->length) - 20;
    sum = pseudo_header(ip, left);
#define WORD(i)                                                                                    \
    if (left >= 2 * (i) + 2) {                                                                     \
        word = TAKE(&cursor, __be16);                                                              \
        if (!word)                                                                                 \
            return XDP_DROP;                                                                       \
        sum += *word;                                                                              \
    } else if (left == 2 * (i) + 1) {                                                              \
        u8 *byte = cursor.at;                                                                      \
                                                                                                   \
        if ((void *)(byte + 1) > cursor.end)                                                       \
            return XDP_DROP;                                                                       \
        sum += *byte;                                                                              \
    }
    EACH(N, WORD)
    return judge(sum);
}

LICENSE;
