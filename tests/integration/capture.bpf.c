// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// The verdict is the last digit of the UDP port that a packet goes to, and the TTL tells that this program saw it.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define STAMP 99
#define LAN 7  // ifindex in the configuration

SEC("xdp")
int judge(struct xdp_md* context) {
    void* data = (void*)(long)context->data;
    void* end = (void*)(long)context->data_end;
    struct iphdr* ip = data + sizeof(struct ethhdr);
    struct udphdr* udp = (void*)(ip + 1);
    if ((void*)(udp + 1) > end) return XDP_DROP;
    ip->ttl = STAMP;
    __u32 verdict = bpf_ntohs(udp->dest) % 10;
    return verdict == XDP_REDIRECT ? bpf_redirect(LAN, 0) : verdict;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
