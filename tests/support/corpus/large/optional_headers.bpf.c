/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* N optional pieces, as GRE, GTP and SRv6 have them: a bit says whether a piece is there, so that what follows lies at one of
 * many places. */
#include "large.h"

u64 sums[N];

struct piece {
    __be32 word;
};

SEC("xdp") int optional_headers(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    struct presence {
        u8 bits[(N + 7) / 8];
    } *presence;
    struct piece *piece;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return XDP_PASS;
    presence = TAKE(&cursor, struct presence);
    if (!presence)
        return XDP_ABORTED;
#define OPTION(i)                                                                                  \
    if (presence->bits[(i) / 8] & 1 << (i) % 8) {                                                  \
        piece = TAKE(&cursor, struct piece);                                                       \
        if (!piece)                                                                                \
            return XDP_DROP;                                                                       \
        sums[i] += piece->word;                                                                    \
    }
    EACH(N, OPTION)
    piece = TAKE(&cursor, struct piece);
    return piece && piece->word == bpf_htonl(0xc0ffee) ? XDP_TX : XDP_PASS;
}

LICENSE;
