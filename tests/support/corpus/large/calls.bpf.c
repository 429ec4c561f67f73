/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Functions: N calls of one static function with other arguments each; a tree of calls seven deep where each level calls the
 * next twice, so that walking every call costs 2^7; the same with global functions, which are proven alone. */
#include "large.h"

u64 sums[16];

static __noinline u32 classify(u64 value, u32 salt)
{
    u32 class = 0;

    if (value & 1)
        class |= 1;
    if (value > 1000)
        class |= 2;
    if (value * salt > 100000)
        class |= 4;
    if ((value ^ salt) % 7 == 3)
        class |= 8;
    sums[class & 15] += value;
    return class;
}

SEC("xdp") int many_calls(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct payload {
        u8 bytes[64];
    } *payload = TAKE(&cursor, struct payload);
    u32 classes = 0;

    if (!payload)
        return XDP_PASS;
#define CALL(i) classes += classify(payload->bytes[(i) % 64], (i) * 13 + 5);
    EACH(N, CALL)
    return classes > 40 ? XDP_DROP : XDP_PASS;
}

#define LEVEL(name, below, linkage)                                                                \
    linkage __noinline u32 name(u32 value)                                                         \
    {                                                                                              \
        u32 sum = value > 7 ? value * 3 : value + 11;                                              \
                                                                                                   \
        HIDE(sum);                                                                                 \
        if (sum & 1)                                                                               \
            sum += below(sum ^ 5);                                                                 \
        return sum + below(sum >> 1);                                                              \
    }

static __noinline u32 leaf(u32 value)
{
    sums[value & 15]++;
    return value & 255;
}
LEVEL(tree_1, leaf, static)
LEVEL(tree_2, tree_1, static)
LEVEL(tree_3, tree_2, static)
LEVEL(tree_4, tree_3, static)
LEVEL(tree_5, tree_4, static)
LEVEL(tree_6, tree_5, static)

SEC("xdp") int call_tree(struct xdp_md *ctx)
{
    return tree_6(ctx->rx_queue_index) & 1 ? XDP_DROP : XDP_PASS;
}

u32 global_leaf(u32 value);
__noinline u32 global_leaf(u32 value)
{
    sums[value & 15]++;
    return value & 255;
}
LEVEL(global_1, global_leaf, )
LEVEL(global_2, global_1, )
LEVEL(global_3, global_2, )
LEVEL(global_4, global_3, )
LEVEL(global_5, global_4, )
LEVEL(global_6, global_5, )

SEC("xdp") int call_tree_global(struct xdp_md *ctx)
{
    return global_6(ctx->rx_queue_index) & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
