// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// Learns flows into maps of several kinds, and forgets them again. Each value carries a checksum of its key, so that an element
// made of two halves is told from a whole one.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FORGET_EVERY 64

struct flow {
    __u32 source, destination;
    __u64 ports;
};

struct entry {
    __u64 check;
    __u64 packets;
    __u64 again[4];  // the checksum once more, at the far end
};

#define FLOWS(NAME, TYPE, ENTRIES)        \
    struct {                              \
        __uint(type, BPF_MAP_TYPE_##TYPE); \
        __uint(max_entries, ENTRIES);     \
        __type(key, struct flow);         \
        __type(value, struct entry);      \
    } NAME SEC(".maps")

FLOWS(flows, HASH, 4096);
FLOWS(by_core, PERCPU_HASH, 4096);
FLOWS(recent, LRU_HASH, 512);

// Filled by the control side alone.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, __u64);
} storm SEC(".maps");

static __always_inline __u64 check_of(const struct flow* flow) {
    __u64 sum = (0xcbf29ce484222325ull ^ flow->source) * 0x9E3779B97F4A7C15ull;
    sum = (sum ^ sum >> 29 ^ flow->destination) * 0x9E3779B97F4A7C15ull;
    return (sum ^ sum >> 29 ^ flow->ports) * 0x9E3779B97F4A7C15ull;
}

static __always_inline void learn(void* map, const struct flow* flow) {
    struct entry* known = bpf_map_lookup_elem(map, flow);
    if (known && __sync_fetch_and_add(&known->packets, 1) % FORGET_EVERY == FORGET_EVERY - 1) {
        bpf_map_delete_elem(map, flow);
        known = 0;
    }
    if (known) return;
    struct entry fresh = {.check = check_of(flow)};
    fresh.again[3] = fresh.check;
    bpf_map_update_elem(map, flow, &fresh, BPF_ANY);
}

SEC("xdp")
int learn_flows(struct xdp_md* context) {
    void* data = (void*)(long)context->data;
    void* end = (void*)(long)context->data_end;
    const struct iphdr* ip = data + sizeof(struct ethhdr);
    const struct udphdr* udp = (void*)(ip + 1);
    if ((void*)(udp + 1) > end) return XDP_DROP;
    struct flow flow = {ip->saddr, ip->daddr, (__u64)udp->source << 16 | udp->dest};
    learn(&flows, &flow);
    learn(&by_core, &flow);
    learn(&recent, &flow);
    __u32 none = 0xffffffff;
    return bpf_map_lookup_elem(&storm, &none) ? XDP_ABORTED : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
