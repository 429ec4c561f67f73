/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* N look-ups whose success is a flag, and whose values are used late where the flag is set: only who keeps flag and pointer
 * together sees that none is null there. */
#include "large.h"

MAP(values, BPF_MAP_TYPE_HASH, 64, u32, struct counters);

SEC("xdp") int branch_guards(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 flags = 0, bytes = cursor.end - cursor.at;
    u32 key = ctx->rx_queue_index;

#define FIND(i)                                                                                    \
    struct counters *value_##i;                                                                    \
    key += i + 1;                                                                                  \
    value_##i = bpf_map_lookup_elem(&values, &key);                                                \
    if (value_##i)                                                                                 \
        flags |= 1ull << i;                                                                        \
    HIDE(flags);
#define USE(i)                                                                                     \
    if (flags & 1ull << i)                                                                         \
        count(value_##i, bytes);
    FIND(0) FIND(1)
#if N > 2
    FIND(2) FIND(3)
#endif
#if N > 4
    FIND(4) FIND(5) FIND(6) FIND(7)
#endif
#if N > 8
    FIND(8) FIND(9) FIND(10) FIND(11)
#endif
#if N > 12
    FIND(12) FIND(13) FIND(14) FIND(15)
#endif
    USE(0) USE(1)
#if N > 2
    USE(2) USE(3)
#endif
#if N > 4
    USE(4) USE(5) USE(6) USE(7)
#endif
#if N > 8
    USE(8) USE(9) USE(10) USE(11)
#endif
#if N > 12
    USE(12) USE(13) USE(14) USE(15)
#endif
    return flags ? XDP_PASS : XDP_DROP;
}

LICENSE;
