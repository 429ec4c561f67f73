// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Looks one random address of each family up in two large tables and notes how long that took. Every value
// of one version of the tables is the version's number, so that a packet that saw two versions shows.

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define ADDRESSES 65536  // a power of two
#define BUCKETS 2048
#define BUCKET_NS 4

struct key4 {
    __u32 bits;
    __u32 address;
};
struct key6 {
    __u32 bits;
    __u32 address[4];
};

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 1000000);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct key4);
    __type(value, __u64);
} routes4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 200000);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct key6);
    __type(value, __u64);
} routes6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ADDRESSES);
    __type(key, __u32);
    __type(value, __u32);
} addresses4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ADDRESSES);
    __type(key, __u32);
    __type(value, __u32[4]);
} addresses6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, BUCKETS);
    __type(key, __u32);
    __type(value, __u64);
} latency SEC(".maps");

// 0: both look-ups found the same version, 1: they did not, 2: nothing was found.
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 3);
    __type(key, __u32);
    __type(value, __u64);
} tally SEC(".maps");

static void count(void *map, __u32 index) {
    __u64 *counter = bpf_map_lookup_elem(map, &index);
    if (counter) ++*counter;
}

SEC("xdp")
int look_up(struct xdp_md *context) {
    __u32 random = bpf_get_prandom_u32();
    __u32 index4 = random & (ADDRESSES - 1), index6 = random >> 16;
    __u32 *address4 = bpf_map_lookup_elem(&addresses4, &index4);
    __u32 *address6 = bpf_map_lookup_elem(&addresses6, &index6);
    if (!address4 || !address6) return XDP_ABORTED;
    struct key4 key4 = {32, *address4};
    struct key6 key6 = {128, {address6[0], address6[1], address6[2], address6[3]}};

    __u64 begun = bpf_ktime_get_ns();
    __u64 *version4 = bpf_map_lookup_elem(&routes4, &key4);
    __u64 *version6 = bpf_map_lookup_elem(&routes6, &key6);
    __u32 outcome = !version4 || !version6 ? 2 : *version4 != *version6;
    __u64 bucket = (bpf_ktime_get_ns() - begun) / BUCKET_NS;

    count(&latency, bucket < BUCKETS ? bucket : BUCKETS - 1);
    count(&tally, outcome);
    return XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
