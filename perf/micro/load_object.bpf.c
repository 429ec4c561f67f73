/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* An object of a load balancer's size to load: 20 maps, more than 4,000 instructions, functions, globals, CO-RE. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
    __u32 source, target;
    __u16 ports[2];
    __u32 protocol;
};

struct counters {
    __u64 packets, bytes, errors[6];
};

struct xdp_rxq_info {
    __u32 queue_index;
} __attribute__((preserve_access_index));

#define MAP(name)                            \
    struct {                                 \
        __uint(type, BPF_MAP_TYPE_LRU_HASH); \
        __uint(max_entries, 1024);           \
        __type(key, struct flow);            \
        __type(value, struct counters);      \
    } name SEC(".maps");
#define EACH_MAP(DO) \
    DO(m0) DO(m1) DO(m2) DO(m3) DO(m4) DO(m5) DO(m6) DO(m7) DO(m8) DO(m9) \
    DO(m10) DO(m11) DO(m12) DO(m13) DO(m14) DO(m15) DO(m16) DO(m17) DO(m18) DO(m19)

EACH_MAP(MAP)

const volatile __u32 limit = 100;
__u64 total;

static __attribute__((noinline)) __u32 mix(__u32 value, __u32 salt)
{
    value ^= salt;
    value *= 0x85ebca6b;
    return value ^ value >> 13;
}

#define STEP(n)                                                 \
    value = value * 31 + (n) + *(volatile __u8 *)(bytes + (n)); \
    if (value % 7 == (n) % 7)                                   \
        value ^= mix(value, n);
#define STEPS(n) STEP(n) STEP(n + 1) STEP(n + 2) STEP(n + 3) STEP(n + 4) STEP(n + 5) STEP(n + 6) STEP(n + 7)
#define COUNT(name)                                                        \
    {                                                                      \
        struct counters *found = bpf_map_lookup_elem(&name, &flow);        \
        if (found) {                                                       \
            __sync_fetch_and_add(&found->packets, 1);                      \
            found->bytes += data_end - data;                               \
        } else {                                                           \
            struct counters fresh = {.packets = 1, .bytes = value};        \
            bpf_map_update_elem(&name, &flow, &fresh, BPF_ANY);            \
        }                                                                  \
        flow.protocol += 1;                                                \
        STEPS(0) STEP(8) STEP(9) STEP(10)                                      \
    }

SEC("xdp") int balance(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
    __u8 *bytes = data;
    __u32 value = ctx->rx_queue_index;
    struct flow flow = {};

    if (data + 64 > data_end)
        return XDP_PASS;
    __builtin_memcpy(&flow, data + 26, 12);
    EACH_MAP(COUNT)
    total += value;
    return value > limit ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int relocated(struct xdp_rxq_info *info) { return info->queue_index; }

char _license[] SEC("license") = "Dual BSD/GPL";
