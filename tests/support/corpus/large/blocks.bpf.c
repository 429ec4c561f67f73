/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Size alone: N blocks of about a hundred instructions, each with a look-up, bounds checks, branches, spilled values, a write
 * to the packet, and results that the next block uses. */
#include "large.h"

MAP(flows, BPF_MAP_TYPE_HASH, 4096, u32, struct counters);
MAP(settings, BPF_MAP_TYPE_ARRAY, 512, u32, u64);
u64 totals[64];

SEC("xdp") int blocks(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    u64 bytes = cursor.end - cursor.at, state = bytes, verdict = XDP_PASS;
    volatile u64 last = 0;
    struct head {
        u8 bytes[64];
    } *head = TAKE(&cursor, struct head);

    if (!head)
        return XDP_ABORTED;
#define BLOCK(i)                                                                                   \
    {                                                                                              \
        u32 key = mix(state, (i)*7 + 1);                                                           \
        struct counters *flow = bpf_map_lookup_elem(&flows, &key);                                 \
        struct word {                                                                              \
            __be32 value;                                                                          \
        } *word = cursor.at + ((i)*4) % 2048;                                                      \
                                                                                                   \
        if (flow) {                                                                                \
            count(flow, bytes);                                                                    \
            if (flow->packets > 1000 + (i))                                                        \
                verdict = XDP_DROP;                                                                \
            state ^= flow->bytes;                                                                  \
        } else if (head->bytes[(i) % 64] > 10 + (i) % 200) {                                       \
            struct counters fresh = {1, bytes};                                                    \
                                                                                                   \
            bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST);                                \
        }                                                                                          \
        HIDE(word);                                                                                \
        if ((void *)(word + 1) <= cursor.end) {                                                    \
            state = mix(state, word->value);                                                       \
            if (word->value == bpf_htonl(0x12345678 + (i)))                                        \
                word->value = (u32)state;                                                          \
        }                                                                                          \
        key = (state ^ (i)) & 511;                                                                 \
        u64 *setting = bpf_map_lookup_elem(&settings, &key);                                       \
                                                                                                   \
        if (setting) {                                                                             \
            if (*setting & 1)                                                                      \
                state += *setting >> 3;                                                            \
            else if (*setting > 1u << (i) % 30)                                                    \
                head->bytes[(i)*3 % 64] ^= 1;                                                      \
        }                                                                                          \
        totals[(state ^ (i)) & 63] += last;                                                        \
        last = state;                                                                              \
    }
    EACH(N, BLOCK)
    return verdict;
}

LICENSE;
