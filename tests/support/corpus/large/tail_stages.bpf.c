/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A chain of 30 tail called stages, each a program: parses again, counts, decides, hands on what it knows in a map. */
#include "large.h"

struct scratch {
    u32 stage, offset, hash, verdict;
    u64 flags;
};

MAP(scratches, BPF_MAP_TYPE_PERCPU_ARRAY, 1, u32, struct scratch);
MAP(stage_counters, BPF_MAP_TYPE_PERCPU_ARRAY, 30, u32, struct counters);

#define STAGES(DO)                                                                                 \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15) \
    DO(16) DO(17) DO(18) DO(19) DO(20) DO(21) DO(22) DO(23) DO(24) DO(25) DO(26) DO(27) DO(28) DO(29)

#define DECLARE_STAGE(i) int stage_##i(struct xdp_md *ctx);
STAGES(DECLARE_STAGE)
#define SLOT(i) [i] = (void *)&stage_##i,

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 30);
    __uint(key_size, 4);
    __uint(value_size, 4);
    __array(values, int(struct xdp_md *));
} stages SEC(".maps") = {.values = {STAGES(SLOT)}};

static __always_inline int run_stage(struct xdp_md *ctx, u32 stage)
{
    u32 key = stage;
    struct scratch *scratch = bpf_map_lookup_elem(&scratches, &(u32){0});
    struct counters *counters = bpf_map_lookup_elem(&stage_counters, &key);
    struct cursor cursor = cursor_of(ctx);
    u32 offset, words = 0;

    if (!scratch || !counters)
        return XDP_ABORTED;
    count(counters, cursor.end - cursor.at);
    if (stage == 0)
        *scratch = (struct scratch){.offset = sizeof(struct eth)};
    if (scratch->stage != stage)
        return XDP_ABORTED;
    scratch->stage = stage + 1;
    offset = scratch->offset;
    if (offset > 1500)
        return XDP_DROP;
    cursor.at += offset;
    for (u32 i = 0; i <= stage % 7; i++) {
        __be32 *word = TAKE(&cursor, __be32);

        if (!word)
            return scratch->hash & 1 ? XDP_DROP : XDP_PASS;
        if (*word == bpf_htonl(0xdeadbeef))
            scratch->flags |= 1ull << stage;
        scratch->hash = mix(scratch->hash, *word);
        words++;
    }
    scratch->offset = offset + words * 4;
    if (scratch->flags & 1ull << (stage / 2) && stage > 8)
        scratch->verdict = XDP_DROP;
    bpf_tail_call(ctx, &stages, stage + 1);
    return scratch->verdict ? scratch->verdict : XDP_PASS;
}

#define STAGE(i)                                                                                   \
    SEC("xdp") int stage_##i(struct xdp_md *ctx)                                                   \
    {                                                                                              \
        return run_stage(ctx, i);                                                                  \
    }
STAGES(STAGE)

LICENSE;
