/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A timer per flow ages it out of a hash; another one beats by itself. Built twice: -DNEXT is what is swapped in, whose beat
 * counts elsewhere and which starts no beat of its own; -DWITHOUT_BEAT has no such callback. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1
#define AGE_NS 20000000ull
#define BEAT_NS 5000000ull

enum { ARMED, AGED, BEATS, NEXT_BEATS, COUNTS };

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, COUNTS);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

struct flow {
    __u64 packets;
    struct bpf_timer timer;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, __u32);
    __type(value, struct flow);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct flow);
} heart SEC(".maps");

static __always_inline void count(__u32 which)
{
    __u64 *value = bpf_map_lookup_elem(&counts, &which);

    if (value)
        __sync_fetch_and_add(value, 1);
}

static int flow_aged(void *map, __u32 *key, struct flow *flow)
{
    __u32 which = *key;

    bpf_map_delete_elem(&flows, &which);
    count(AGED);
    return 0;
}

#ifndef WITHOUT_BEAT
static int beat(void *map, __u32 *key, struct flow *flow)
{
#ifdef NEXT
    count(NEXT_BEATS);
#else
    count(BEATS);
#endif
    bpf_timer_start(&flow->timer, BEAT_NS, 0);
    return 0;
}

static __always_inline void start_beat(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct flow *flow = bpf_map_lookup_elem(&heart, &zero);

#ifdef NEXT
    if (ctx->data_end - ctx->data < 100000) /* never: the beat is there, but only the one before started it */
        return;
#endif
    if (flow && !bpf_timer_init(&flow->timer, &heart, CLOCK_MONOTONIC)) {
        bpf_timer_set_callback(&flow->timer, beat);
        bpf_timer_start(&flow->timer, BEAT_NS, 0);
    }
}
#else
static __always_inline void start_beat(struct xdp_md *ctx)
{
    __u32 zero = 0;

    bpf_map_lookup_elem(&heart, &zero);
}
#endif

SEC("xdp") int ages(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct flow fresh = {}, *flow = bpf_map_lookup_elem(&flows, &zero);

    start_beat(ctx);
    if (flow) {
        __sync_fetch_and_add(&flow->packets, 1);
        return XDP_DROP;
    }
    bpf_map_update_elem(&flows, &zero, &fresh, BPF_NOEXIST);
    flow = bpf_map_lookup_elem(&flows, &zero);
    if (!flow || bpf_timer_init(&flow->timer, &flows, CLOCK_MONOTONIC))
        return XDP_DROP;
    bpf_timer_set_callback(&flow->timer, flow_aged);
    bpf_timer_start(&flow->timer, AGE_NS, 0);
    count(ARMED);
    return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
