/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* N branches that each may add to an index: what it can be at the end is a range that no single path shows. STEP(i) is 1, or
 * with SPREAD a number that keeps all sums apart. */
#include "large.h"

#ifdef SPREAD
#define STEP(i) (1u << (i) % 12)
#define SUM_MAX (N / 12 * 4095 + (1 << N % 12))
#else
#define STEP(i) 1u
#define SUM_MAX N
#endif

u32 histogram[SUM_MAX + 1];

SEC("xdp") int branch_sums(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct payload {
        u8 bytes[64];
    } *payload = TAKE(&cursor, struct payload);
    u64 index = 0;

    if (!payload)
        return XDP_ABORTED;
#define ADD(i)                                                                                     \
    if (payload->bytes[(i) % 64] > (i) / 64 * 5 + 20)                                              \
        index += STEP(i);                                                                          \
    HIDE(index);
    EACH(N, ADD)
#ifdef CHECKED
    if (index > SUM_MAX)
        return XDP_ABORTED;
#endif
    histogram[index]++;
    return XDP_PASS;
}

LICENSE;
