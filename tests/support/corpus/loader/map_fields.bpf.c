/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Inner maps, filled slots, locks and timers in values, and definitions that no program may use. */
#include "../common.h"

struct locked {
    u64 count;
    struct {
        u32 pad;
        struct bpf_spin_lock lock;
    } nested;
    struct bpf_timer timer;
};

struct two_locks {
    struct bpf_spin_lock first, second;
};

struct lock_array {
    struct bpf_spin_lock locks[2];
};

#define MAP(name, kind, value_type, entries) \
    struct {                                 \
        __uint(type, kind);                  \
        __uint(max_entries, entries);        \
        __type(key, u32);                    \
        __type(value, value_type);           \
    } name SEC(".maps")

MAP(guarded, BPF_MAP_TYPE_HASH, struct locked, 8);
MAP(doubled, BPF_MAP_TYPE_ARRAY, struct two_locks, 1);
MAP(arrayed, BPF_MAP_TYPE_ARRAY, struct lock_array, 1);
MAP(misplaced, BPF_MAP_TYPE_LRU_HASH, struct two_locks, 8);
MAP(foreign, BPF_MAP_TYPE_SOCKHASH, u32, 8);

struct inner_map {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} first_table SEC(".maps"), second_table SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 6);
    __type(key, u32);
    __array(values, struct inner_map);
} tables SEC(".maps") = {.values = {[1] = &first_table, [4] = &second_table, [5] = &first_table}};

struct {
    __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
    __uint(key_size, 4);
    __array(values, struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __type(key, u64);
        __type(value, struct locked);
    });
} anonymous SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
    __uint(max_entries, 100);
    __uint(value_size, 4);
    __uint(map_extra, 3);
    __uint(numa_node, 0);
} seen SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
} events SEC(".maps");

int later(struct xdp_md *ctx);
int shaped(void *skb);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 3);
    __uint(key_size, 4);
    __array(values, int(void *));
} jumps SEC(".maps") = {.values = {[0] = (void *)&shaped, [2] = (void *)&later}};

struct bpf_spin_lock global_lock SEC(".data.locks");
u64 guarded_by_lock SEC(".data.locks") = 1;

#define USES(name, map)                                                   \
    SEC("xdp") int name(struct xdp_md *ctx)                               \
    {                                                                     \
        u32 key = 0;                                                      \
                                                                          \
        return bpf_map_lookup_elem(&map, &key) ? XDP_DROP : XDP_PASS;     \
    }

USES(uses_guarded, guarded)
USES(uses_doubled, doubled)
USES(uses_arrayed, arrayed)
USES(uses_misplaced, misplaced)
USES(uses_foreign, foreign)
USES(uses_tables, tables)
USES(uses_anonymous, anonymous)

SEC("xdp") int later(struct xdp_md *ctx) { return guarded_by_lock ? XDP_TX : XDP_PASS; }
SEC("tc") int shaped(void *skb) { return 0; }
SEC("xdp") int jumper(struct xdp_md *ctx)
{
    bpf_tail_call(ctx, &jumps, 2);
    return XDP_PASS;
}

LICENSE;
