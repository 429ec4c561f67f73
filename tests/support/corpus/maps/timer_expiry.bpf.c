/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Timers that go off: what callbacks find, write, start again and delete. The test waits for all of them. */
#include <linux/errno.h>

#include "../common.h"

#define TIMERS 16
#define ROUNDS 3
#define FIRST_NS 1000000ull
#define AGAIN_NS 500000ull
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif

struct {
    u64 expired; /* callbacks that have ended, of TIMERS * (ROUNDS + 1): the test reads it */
    u64 packets;
} counts;
u64 starved SEC(".data.starved") = 0;

struct entry {
    struct bpf_timer timer;
    u64 rounds, key, cancelled, restarted, written;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, TIMERS);
    __type(key, u32);
    __type(value, struct entry);
} slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, u32);
    __type(value, struct entry);
} flows SEC(".maps");

/* By timer: how often its callback came. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, u32);
    __type(value, u64);
} rounds SEC(".maps");

static int slot_expired(void *map, u32 *key, struct entry *entry)
{
    u32 slot = *key;
    u64 round = ++entry->rounds;

    entry->key = slot;
    entry->cancelled = bpf_timer_cancel(&entry->timer);
    entry->written = bpf_map_update_elem(&rounds, &slot, &round, BPF_ANY);
    if (round < ROUNDS)
        entry->restarted += !bpf_timer_start(&entry->timer, AGAIN_NS, 0);
    __sync_fetch_and_add(&counts.expired, 1);
    return 0;
}

/* Every other flow is forgotten when its time is over. */
static int flow_expired(void *map, u32 *key, struct entry *entry)
{
    u32 flow = *key;

    entry->rounds++;
    entry->key = flow;
    if (flow & 1)
        bpf_map_delete_elem(&flows, &flow);
    __sync_fetch_and_add(&counts.expired, 1);
    return 0;
}

/* Linux takes the timer's memory without waiting for locks, so that it may fail for a moment. */
#define INIT(timer, map)                                                                           \
    ({                                                                                             \
        long result = bpf_timer_init(timer, map, CLOCK_MONOTONIC);                                 \
        for (int tries = 0; tries < 8 && result == -ENOMEM; tries++)                               \
            result = bpf_timer_init(timer, map, CLOCK_MONOTONIC);                                  \
        starved += result == -ENOMEM;                                                              \
        result;                                                                                    \
    })

SEC("xdp") int timer_expiry(struct xdp_md *ctx)
{
    u32 key = counts.packets++;
    struct entry fresh = {}, *entry;

    if (key >= TIMERS)
        return XDP_PASS;
    entry = bpf_map_lookup_elem(&slots, &key);
    if (!entry || INIT(&entry->timer, &slots) || bpf_timer_set_callback(&entry->timer, slot_expired) ||
        bpf_timer_start(&entry->timer, FIRST_NS * (key + 1), 0))
        return XDP_DROP;
    key += 100;
    bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST);
    entry = bpf_map_lookup_elem(&flows, &key);
    if (!entry || INIT(&entry->timer, &flows) || bpf_timer_set_callback(&entry->timer, flow_expired) ||
        bpf_timer_start(&entry->timer, FIRST_NS, 0))
        return XDP_DROP;
    return XDP_TX;
}

LICENSE;
