// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// One map of each shape that the command line tells apart; the program counts what it sees into some of them.

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

enum protocol { tcp = 6, udp = 17 };

struct flow {
    __be32 saddr;
    __be16 port;
    __u16 protocol;
};

struct limit {
    __u32 rate;
    __u32 burst;
};

struct count {
    __u64 packets;
    __u64 bytes;
};

struct guarded {
    struct bpf_spin_lock lock;
    __u32 tokens;
};

struct v4_prefix {
    __u32 length;
    __u8 address[4];
};

struct v6_prefix {
    __u32 length;
    __u8 address[16];
};

#define MAP(NAME, TYPE, ENTRIES, KEY, VALUE)   \
    struct {                                   \
        __uint(type, BPF_MAP_TYPE_##TYPE);     \
        __uint(max_entries, ENTRIES);          \
        __type(key, KEY);                      \
        __type(value, VALUE);                  \
    } NAME SEC(".maps")

MAP(limits, HASH, 100, struct flow, struct limit);
MAP(small, HASH, 4, __u32, __u64);
MAP(recent, LRU_HASH, 64, struct flow, struct count);
MAP(seen, PERCPU_HASH, 100, __u32, struct count);
MAP(totals, PERCPU_ARRAY, 2, __u32, struct count);
MAP(buckets, HASH, 100, __u32, struct guarded);

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1100000);
    __type(key, struct v4_prefix);
    __type(value, __u32);
} routes_v4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1000);
    __type(key, struct v6_prefix);
    __type(value, __u32);
} routes_v6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 2);
    __type(value, __u32);
} jobs SEC(".maps");

SEC("xdp")
int maps(struct xdp_md *ctx)
{
    struct flow flow = {};
    struct v4_prefix v4 = {.length = 32};
    struct v6_prefix v6 = {.length = 128};
    __u32 zero = 0, job;
    struct count *total = bpf_map_lookup_elem(&totals, &zero);

    if (total) {
        total->packets++;
        total->bytes += ctx->data_end - ctx->data;
    }
    if (bpf_map_lookup_elem(&limits, &flow) || bpf_map_lookup_elem(&small, &zero) || bpf_map_lookup_elem(&recent, &flow) ||
        bpf_map_lookup_elem(&seen, &zero) || bpf_map_lookup_elem(&buckets, &zero) || bpf_map_lookup_elem(&routes_v4, &v4) ||
        bpf_map_lookup_elem(&routes_v6, &v6) || !bpf_map_peek_elem(&jobs, &job))
        return XDP_PASS;
    return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
