// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// The quickstart's firewall, a plain XDP program: drops one TCP port and two lists of prefixes (either end of the packet),
// counts packets and bytes per protocol, and drops by reason. The kernel's XDP runs the same object.
//
// Built twice: with ALSO_BLOCK_PORT defined it drops a second TCP port too, which makes a swap visible.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAGS_MAX 2
#define EXTENSION_HEADERS_MAX 6
#define IPV4_FRAGMENT_OFFSET 0x1fff

enum protocol { arp, icmp, icmpv6, tcp, udp, other_ip, not_ip, protocol_count };
enum reason { blocked_port, blocked_source, blocked_destination, malformed, reason_count };

struct count {
    __u64 packets;
    __u64 bytes;
};

struct v4_prefix {
    __u32 length;
    __u8 address[4];
};

struct v6_prefix {
    __u32 length;
    __u8 address[16];
};

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct v4_prefix);
    __type(value, __u32);
} blocked_v4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct v6_prefix);
    __type(value, __u32);
} blocked_v6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, protocol_count);
    __type(key, enum protocol);
    __type(value, struct count);
} protocols SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, reason_count);
    __type(key, enum reason);
    __type(value, struct count);
} drops SEC(".maps");

/// TCP port to drop, host order; set it under `globals` in the configuration.
const volatile __u16 blocked_tcp_port = 2323;

struct packet {
    void *next;  ///< header to read next
    void *end;
    __u64 bytes;
};

static __always_inline void add(void *map, __u32 key, __u64 bytes)
{
    struct count *count = bpf_map_lookup_elem(map, &key);

    if (count) {
        count->packets++;
        count->bytes += bytes;
    }
}

static __always_inline int drop(struct packet *packet, enum reason reason)
{
    add(&drops, reason, packet->bytes);
    return XDP_DROP;
}

static __always_inline int is_blocked_port(__be16 port)
{
#ifdef ALSO_BLOCK_PORT
    if (port == bpf_htons(ALSO_BLOCK_PORT))
        return 1;
#endif
    return port == bpf_htons(blocked_tcp_port);
}

static __always_inline int check_transport(struct packet *packet, __u8 protocol)
{
    struct tcphdr *header = packet->next;

    switch (protocol) {
    case IPPROTO_TCP:
        add(&protocols, tcp, packet->bytes);
        if ((void *)(header + 1) > packet->end)
            return drop(packet, malformed);
        return is_blocked_port(header->dest) ? drop(packet, blocked_port) : XDP_PASS;
    case IPPROTO_UDP:
        add(&protocols, udp, packet->bytes);
        return XDP_PASS;
    case IPPROTO_ICMP:
        add(&protocols, icmp, packet->bytes);
        return XDP_PASS;
    case IPPROTO_ICMPV6:
        add(&protocols, icmpv6, packet->bytes);
        return XDP_PASS;
    default:
        add(&protocols, other_ip, packet->bytes);
        return XDP_PASS;
    }
}

static __always_inline int check_v4(struct packet *packet)
{
    struct iphdr *header = packet->next;
    struct v4_prefix key = {.length = 32};
    __u32 header_bytes;

    if ((void *)(header + 1) > packet->end)
        return drop(packet, malformed);
    header_bytes = header->ihl * 4;
    if (header->version != 4 || header_bytes < sizeof(*header) || packet->next + header_bytes > packet->end)
        return drop(packet, malformed);

    __builtin_memcpy(key.address, &header->saddr, sizeof(key.address));
    if (bpf_map_lookup_elem(&blocked_v4, &key))
        return drop(packet, blocked_source);
    __builtin_memcpy(key.address, &header->daddr, sizeof(key.address));
    if (bpf_map_lookup_elem(&blocked_v4, &key))
        return drop(packet, blocked_destination);

    if (header->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET)) {
        add(&protocols, other_ip, packet->bytes); /* no ports beyond the first fragment */
        return XDP_PASS;
    }
    __u8 protocol = header->protocol;
    packet->next += header_bytes;
    return check_transport(packet, protocol);
}

struct extension {
    __u8 next_header;
    __u8 length; ///< in 8 bytes, without the first 8
    __be16 fragment_offset;
    __u32 rest;
};

/// Moves past the extension headers; gives the transport's number, IPPROTO_NONE behind a non-first fragment, and -1 if cut.
static __always_inline int skip_extensions(struct packet *packet, __u8 protocol)
{
    for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
        struct extension *header = packet->next;

        if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_ROUTING && protocol != IPPROTO_DSTOPTS &&
            protocol != IPPROTO_FRAGMENT)
            return protocol;
        if ((void *)(header + 1) > packet->end)
            return -1;
        if (protocol == IPPROTO_FRAGMENT) {
            if (header->fragment_offset & bpf_htons(0xfff8))
                return IPPROTO_NONE;
            packet->next += sizeof(*header);
        } else {
            packet->next += (header->length + 1) * 8;
        }
        protocol = header->next_header;
    }
    return -1;
}

static __always_inline int check_v6(struct packet *packet)
{
    struct ipv6hdr *header = packet->next;
    struct v6_prefix key = {.length = 128};
    int protocol;

    if ((void *)(header + 1) > packet->end || header->version != 6)
        return drop(packet, malformed);

    __builtin_memcpy(key.address, &header->saddr, sizeof(key.address));
    if (bpf_map_lookup_elem(&blocked_v6, &key))
        return drop(packet, blocked_source);
    __builtin_memcpy(key.address, &header->daddr, sizeof(key.address));
    if (bpf_map_lookup_elem(&blocked_v6, &key))
        return drop(packet, blocked_destination);

    packet->next = header + 1;
    protocol = skip_extensions(packet, header->nexthdr);
    if (protocol < 0)
        return drop(packet, malformed);
    return check_transport(packet, protocol);
}

struct vlan_tag {
    __be16 control;
    __be16 protocol;
};

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
    struct packet packet = {
        .next = (void *)(long)ctx->data,
        .end = (void *)(long)ctx->data_end,
    };
    struct ethhdr *ethernet = packet.next;
    __be16 type;

    packet.bytes = packet.end - packet.next;
    if ((void *)(ethernet + 1) > packet.end)
        return drop(&packet, malformed);
    type = ethernet->h_proto;
    packet.next = ethernet + 1;

    for (int i = 0; i < VLAN_TAGS_MAX; i++) {
        struct vlan_tag *tag = packet.next;

        if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
            break;
        if ((void *)(tag + 1) > packet.end)
            return drop(&packet, malformed);
        type = tag->protocol;
        packet.next = tag + 1;
    }

    if (type == bpf_htons(ETH_P_IP))
        return check_v4(&packet);
    if (type == bpf_htons(ETH_P_IPV6))
        return check_v6(&packet);
    add(&protocols, type == bpf_htons(ETH_P_ARP) ? arp : not_ip, packet.bytes);
    return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
