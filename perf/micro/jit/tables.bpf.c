/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Look-ups in tables that no cache holds. Flows come from the packet; in the kernel, which runs one packet over and over, from an
 * array, one after the other. max_entries are set when the object is loaded. */
#include "perf/micro/jit/packets.bpf.c"

#define TABLE_ENTRIES (1 << 20)

MAP(HASH, hash, struct flow, __u64, TABLE_ENTRIES, 0);
MAP(LRU_HASH, lru, struct flow, __u64, TABLE_ENTRIES, 0);
MAP(LPM_TRIE, lpm, struct prefix, __u64, 500000, BPF_F_NO_PREALLOC);

/* Of fifty instructions or three times so many, or of none. */
#define MIXED(word) mixed(word, flow.source, flow.destination)
#define MIXED_THREE_TIMES(word) MIXED(MIXED(MIXED(word)))
#define LEFT_ALONE(word) (word)

/* The look-up, between calculations of which the second needs what was found. */
#define LOOK_UP(map, key_type, KEY, WORK)                                   \
    key_type key = KEY;                                                     \
    __u32 before = WORK(flow.ports.source);                                 \
    __u64 *found = (__u64 *)bpf_map_lookup_elem(&map, &key);                \
                                                                            \
    return found && (WORK((__u32)*found ^ before) & 1) ? XDP_TX : XDP_PASS;

#define FROM_PACKET(name, map, key_type, KEY, WORK) \
    PROGRAM(name)                                   \
    {                                               \
        struct iphdr *ip = parse(ctx);              \
        struct flow flow;                           \
                                                    \
        if (!ip)                                    \
            return XDP_DROP;                        \
        flow = flow_of(ip);                         \
        LOOK_UP(map, key_type, KEY, WORK)           \
    }

#ifdef __cplusplus
#define FROM_ARRAY(name, map, key_type, KEY, WORK)
#else
MAP(ARRAY, flows, __u32, struct flow, TABLE_ENTRIES, 0);
__u32 next_flow;

#define NEXT_FLOW                                                           \
    __u32 index = next_flow++ & (TABLE_ENTRIES - 1);                        \
    struct flow *next = (struct flow *)bpf_map_lookup_elem(&flows, &index); \
    struct flow flow;                                                       \
                                                                            \
    if (!next)                                                              \
        return XDP_DROP;                                                    \
    flow = *next;

#define FROM_ARRAY(name, map, key_type, KEY, WORK) \
    PROGRAM(next_##name)                           \
    {                                              \
        NEXT_FLOW                                  \
        LOOK_UP(map, key_type, KEY, WORK)          \
    }

/* The floor of these. */
PROGRAM(next_alone)
{
    NEXT_FLOW
    return flow.ports.source & 1 ? XDP_TX : XDP_PASS;
}
#endif

#define ROW(name, map, key_type, KEY, WORK)      \
    FROM_PACKET(name, map, key_type, KEY, WORK)  \
    FROM_ARRAY(name, map, key_type, KEY, WORK)

static __always_inline struct prefix whole_address(struct flow flow)
{
    struct prefix prefix = {32, flow.destination};

    return prefix;
}

#define ROWS(map, key_type, KEY)                 \
    ROW(map##_alone, map, key_type, KEY, LEFT_ALONE) \
    ROW(map##_mixed, map, key_type, KEY, MIXED)  \
    ROW(map##_mixed_more, map, key_type, KEY, MIXED_THREE_TIMES)

ROWS(hash, struct flow, flow)
ROWS(lru, struct flow, flow)
ROWS(lpm, struct prefix, whole_address(flow))
