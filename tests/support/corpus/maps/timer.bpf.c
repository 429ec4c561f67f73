/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Timers: what every call returns, in the order in which an application makes them and out of order. None goes off
   during the test: they start a day ahead and are cancelled by the end. */
#include <linux/errno.h>

#include "../notes.h"

#define A_DAY_NS 86400000000000ull
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
#endif

struct entry {
    u64 expired;
    struct bpf_timer timer;
    u32 packets;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, struct entry);
} entries SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, u32);
    __type(value, struct entry);
} flows SEC(".maps");

struct note notes[16];
/* Timers that found no memory after all, for the runner, which then runs all of it again. */
u64 starved SEC(".data.starved") = 0;

static int expire(void *map, u32 *key, struct entry *entry)
{
    entry->expired++;
    return 0;
}

/* Linux takes the timer's memory without waiting for locks (bpf_map_kmalloc_nolock), so that it may fail for a moment. */
static __always_inline u64 init(struct bpf_timer *timer, void *map, u64 clock)
{
    u64 result = bpf_timer_init(timer, map, clock);

    for (int tries = 0; tries < 8 && result == (u64)-ENOMEM; tries++)
        result = bpf_timer_init(timer, map, clock);
    starved += result == (u64)-ENOMEM;
    return result;
}

static __always_inline void exercise(void *map, struct entry *entry, struct note *results, u32 length)
{
    entry->packets++;
    note(&results[0], bpf_timer_cancel(&entry->timer));
    note(&results[1], bpf_timer_start(&entry->timer, A_DAY_NS, 0));
    note(&results[2], init(&entry->timer, map, length & 1 ? CLOCK_MONOTONIC : CLOCK_BOOTTIME));
    note(&results[3], bpf_timer_set_callback(&entry->timer, expire));
    note(&results[4], bpf_timer_start(&entry->timer, A_DAY_NS, 0));
    note(&results[5], bpf_timer_start(&entry->timer, A_DAY_NS, 77));
    if (length % 3)
        note(&results[6], bpf_timer_cancel(&entry->timer));
}

SEC("xdp") int timer(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), slot = length & 3, key = length & 31;
    struct entry fresh = {}, *entry = bpf_map_lookup_elem(&entries, &slot);

    if (entry)
        exercise(&entries, entry, &notes[0], length);
    if (length % 10 == 0)
        note(&notes[14], bpf_map_delete_elem(&flows, &key));
    bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST);
    entry = bpf_map_lookup_elem(&flows, &key);
    if (entry)
        exercise(&flows, entry, &notes[7], length);
    return entry ? XDP_PASS : XDP_ABORTED;
}

LICENSE;
