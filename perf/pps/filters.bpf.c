// The two filters that perf/pps/filters measures, as an operator would write them for kernel XDP. perf/peers/native_worker.cc does
// the same inline.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define BLOCKED_PORT 53

enum { OTHER, IPV4, IPV6, DROPPED, KINDS };

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, KINDS);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

struct prefix {
    __u32 bits;
    __u32 address;
};
struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 16384);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct prefix);
    __type(value, __u32);
} blocked SEC(".maps");

struct vlan {
    __be16 tag, next;
};

// Behind one VLAN tag, if there is one. 0: too short.
static __always_inline void *network_header(void *data, void *end, __be16 *protocol) {
    struct ethhdr *ethernet = data;
    if ((void *)(ethernet + 1) > end) return 0;
    *protocol = ethernet->h_proto;
    void *next = ethernet + 1;
    if (*protocol == bpf_htons(ETH_P_8021Q)) {
        struct vlan *vlan = next;
        if ((void *)(vlan + 1) > end) return 0;
        *protocol = vlan->next;
        next = vlan + 1;
    }
    return next;
}

static __always_inline int has_ports(__u8 protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static __always_inline int is_blocked_port(void *transport, void *end) {
    __be16 *ports = transport;
    return (void *)(ports + 2) <= end && ports[1] == bpf_htons(BLOCKED_PORT);
}

static __always_inline __u32 classify(void *data, void *end) {
    __be16 protocol;
    void *next = network_header(data, end, &protocol);
    if (!next) return OTHER;
    if (protocol == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = next;
        if ((void *)(ip + 1) > end) return OTHER;
        if (has_ports(ip->protocol) && is_blocked_port(next + ip->ihl * 4, end)) return DROPPED;
        return IPV4;
    }
    if (protocol == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = next;
        if ((void *)(ip + 1) > end) return OTHER;
        if (has_ports(ip->nexthdr) && is_blocked_port(ip + 1, end)) return DROPPED;
        return IPV6;
    }
    return OTHER;
}

SEC("xdp")
int drop_port(struct xdp_md *ctx) {
    __u32 kind = classify((void *)(long)ctx->data, (void *)(long)ctx->data_end);
    __u64 *count = bpf_map_lookup_elem(&counts, &kind);
    if (count) ++*count;
    return kind == DROPPED ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int drop_blocked(struct xdp_md *ctx) {
    void *end = (void *)(long)ctx->data_end;
    __be16 protocol;
    struct iphdr *ip = network_header((void *)(long)ctx->data, end, &protocol);
    if (!ip || protocol != bpf_htons(ETH_P_IP) || (void *)(ip + 1) > end) return XDP_PASS;
    struct prefix source = {32, ip->saddr};
    return bpf_map_lookup_elem(&blocked, &source) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int drop_port_only(struct xdp_md *ctx) {
    return classify((void *)(long)ctx->data, (void *)(long)ctx->data_end) == DROPPED ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int drop_all(struct xdp_md *ctx) { return XDP_DROP; }

SEC("xdp")
int pass_all(struct xdp_md *ctx) { return XDP_PASS; }

SEC("xdp")
int send_back(struct xdp_md *ctx) { return XDP_TX; }

char _license[] SEC("license") = "GPL";
