// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// For the command line's tests: counts per Ethernet type class, drops sources of a list. Built a second time with DROP_ALL.
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum kind { ipv4, other, kind_count };

struct count {
    __u64 packets;
    __u64 bytes;
};

struct v4_prefix {
    __u32 length;
    __u8 address[4];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, kind_count);
    __type(key, enum kind);
    __type(value, struct count);
} kinds SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, MAP_ENTRIES);
    __type(key, struct v4_prefix);
    __type(value, __u32);
} blocked_v4 SEC(".maps");

__u64 seen;

SEC("xdp")
int count(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    void *end = (void *)(long)ctx->data_end;
    struct ethhdr *header = data;
    struct v4_prefix key = {.length = 32};
    struct count *count;
    __u32 kind;

    if (data + 34 > end)
        return XDP_DROP;
    kind = header->h_proto == bpf_htons(ETH_P_IP) ? ipv4 : other;
    count = bpf_map_lookup_elem(&kinds, &kind);
    if (count) {
        count->packets++;
        count->bytes += 1;
    }
    seen++;
    __builtin_memcpy(key.address, data + 26, sizeof(key.address));
    if (kind == ipv4 && bpf_map_lookup_elem(&blocked_v4, &key))
        return XDP_DROP;
#ifdef DROP_ALL
    return XDP_DROP;
#endif
    return XDP_PASS;
}

SEC("?xdp")
int wild(struct xdp_md *ctx)
{
    return *(__u8 *)(long)ctx->data; /* no bounds check */
}

char _license[] SEC("license") = "GPL";
