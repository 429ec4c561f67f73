/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A socket filter that meters flows: reads headers by bpf_skb_load_bytes and by absolute loads, N optional headers deep, and
 * counts per flow, per port and per size. */
#include "large.h"

MAP(flows, BPF_MAP_TYPE_LRU_HASH, 4096, struct flow, struct counters);
u64 sizes[16], protocols[256], port_sums[64];

unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) asm("llvm.bpf.load.word");

SEC("socket") int socket_flows(struct __sk_buff *skb)
{
    struct flow flow = {};
    struct counters *counters, fresh = {1, skb->len};
    u64 type = load_half(skb, 12), offset = 14, protocol;
    struct ports ports;
    u32 size = 0;

#define TAG(i)                                                                                     \
    if (type == ETH_VLAN || type == ETH_QINQ) {                                                    \
        type = load_half(skb, offset + 2);                                                         \
        offset += 4;                                                                               \
    }
    EACH(4, TAG)
    if (type == ETH_IPV4) {
        struct ipv4 ip;

        if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
            return 0;
        flow.source[0] = ip.source;
        flow.target[0] = ip.target;
        flow.family = 4;
        protocol = ip.protocol;
        offset += (ip.version_length & 15) * 4;
    } else if (type == ETH_IPV6) {
        struct ipv6 ip;

        if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
            return 0;
        for (int i = 0; i < 4; i++) {
            flow.source[i] = ip.source[i];
            flow.target[i] = ip.target[i];
        }
        flow.family = 6;
        protocol = ip.next;
        offset += 40;
#define EXTENSION(i)                                                                               \
    if (protocol == 0 || protocol == 43 || protocol == 60) {                                       \
        protocol = load_byte(skb, offset);                                                         \
        offset += load_byte(skb, offset + 1) * 8 + 8;                                              \
    }
        EACH(N, EXTENSION)
    } else {
        return 0;
    }
    protocols[protocol & 255]++;
    flow.protocol = protocol;
    if (protocol == PROTO_TCP || protocol == PROTO_UDP) {
        if (bpf_skb_load_bytes(skb, offset, &ports, sizeof(ports)))
            return 0;
        flow.ports = ports;
        port_sums[bpf_ntohs(ports.target) & 63]++;
        if (protocol == PROTO_TCP && load_byte(skb, offset + 13) & 2)
            port_sums[63]++;
    }
    counters = bpf_map_lookup_elem(&flows, &flow);
    if (counters)
        count(counters, skb->len);
    else
        bpf_map_update_elem(&flows, &flow, &fresh, BPF_ANY);
#define SIZE_CLASS(i)                                                                              \
    if (skb->len > 64u << (i))                                                                     \
        size = (i) + 1;
    EACH(12, SIZE_CLASS)
    sizes[size & 15]++;
    return size > 4 ? 64 : skb->len;
}

LICENSE;
