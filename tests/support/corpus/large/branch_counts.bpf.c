/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* N flags set early, each by a branch of its own, and each used late, for counting only: 2^N paths that do not matter. */
#include "large.h"

u64 counts[N];

SEC("xdp") int branch_counts(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct payload {
        u8 bytes[64];
    } *payload = TAKE(&cursor, struct payload);
    u64 flags[(N + 63) / 64] = {};

    if (!payload)
        return XDP_ABORTED;
#define SET(i)                                                                                     \
    if (payload->bytes[(i) % 64] > (i) + 20) {                                                     \
        HIDE(flags[(i) / 64]);                                                                     \
        flags[(i) / 64] |= 1ull << (i) % 64;                                                       \
    }
    EACH(N, SET)
#define USE(i)                                                                                     \
    if (flags[(i) / 64] & 1ull << (i) % 64)                                                        \
        counts[i]++;
    EACH(N, USE)
    return flags[0] & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
