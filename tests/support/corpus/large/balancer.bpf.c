/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A layer-4 load balancer as they are built: services in a hash map, a connection table per CPU with a common one behind it, a
 * ring of hashed slots per service, IP-in-IP to the server that was chosen, answers to pings, and errors of ICMP sent to where
 * their flow goes. N rounds of hash mixing make up the real ones' size. */
#include "large.h"

#define RING_SLOTS 1021
#define SERVICES 64
#define SERVERS 4096

struct service_key {
    __be32 address[4];
    __be16 port;
    u8 protocol, family;
};

struct service {
    u32 number, flags;
};

#define SERVICE_NO_SOURCE_PORT 1
#define SERVICE_NO_LRU 2
#define SERVICE_BY_ID 4
#define SERVICE_LOCAL 8

struct server {
    __be32 address[4];
    u32 flags;
};

#define SERVER_IPV6 1

struct connection {
    u32 server;
    u32 unused;
    u64 seen_ns;
};

struct gateway {
    u8 mac[6];
    u16 unused;
    __be32 source;
    __be32 source6[4];
};

MAP(services, BPF_MAP_TYPE_HASH, SERVICES, struct service_key, struct service);
MAP(ring, BPF_MAP_TYPE_ARRAY, SERVICES * RING_SLOTS, u32, u32);
MAP(servers, BPF_MAP_TYPE_ARRAY, SERVERS, u32, struct server);
MAP(connections, BPF_MAP_TYPE_LRU_HASH, 65536, struct flow, struct connection);
MAP(gateways, BPF_MAP_TYPE_ARRAY, 2, u32, struct gateway);
MAP(service_stats, BPF_MAP_TYPE_PERCPU_ARRAY, SERVICES, u32, struct counters);
MAP(server_stats, BPF_MAP_TYPE_PERCPU_ARRAY, SERVERS, u32, struct counters);
MAP(server_ids, BPF_MAP_TYPE_ARRAY, 65536, u32, u32);

struct connections_of_cpu {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, struct flow);
    __type(value, struct connection);
} connections_of_first SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 128);
    __type(key, u32);
    __array(values, struct connections_of_cpu);
} connections_by_cpu SEC(".maps") = {.values = {[0] = &connections_of_first}};

enum event { NEW, KNOWN, FALLBACK, NO_SERVICE, NO_SERVER, MALFORMED, FRAGMENT, PING, ERROR, TOO_BIG, BY_ID, EVENTS };
struct counters events[EVENTS];

struct request {
    struct flow flow;
    u32 offset; /* of the transport header */
    u32 flags;
    u64 bytes;
    u8 tos, ttl;
};

#define REQUEST_SYN 1
#define REQUEST_INNER 2 /* the flow is that of a packet inside of an ICMP error: its answer, so the other way round */
#define REQUEST_RST 4

static __always_inline int refuse(enum event event, u64 bytes, int verdict)
{
    count(&events[event], bytes);
    return verdict;
}

static __always_inline u32 spread(const struct flow *flow, u32 seed)
{
    u32 a = seed, b = flow->protocol, c = flow->ports.source << 16 | flow->ports.target;

#define ROUND(i)                                                                                   \
    a += flow->source[(i) & 3] ^ c << ((i) % 13 + 3);                                              \
    b ^= flow->target[((i) + 1) & 3] + (a >> ((i) % 11 + 5) | a << (27 - (i) % 11));               \
    c += (a ^ b) * 0x9e3779b1u;
    EACH(N, ROUND)
    return a ^ b ^ c;
}

static __always_inline int parse_ports(struct cursor *cursor, struct request *request)
{
    if (request->flow.protocol == PROTO_TCP) {
        struct tcp *tcp = TAKE(cursor, struct tcp);

        if (!tcp)
            return -1;
        if (tcp->flags & 2)
            request->flags |= REQUEST_SYN;
        if (tcp->flags & 4)
            request->flags |= REQUEST_RST;
        request->flow.ports.source = tcp->source;
        request->flow.ports.target = tcp->target;
    } else {
        struct udp *udp = TAKE(cursor, struct udp);

        if (!udp)
            return -1;
        request->flow.ports.source = udp->source;
        request->flow.ports.target = udp->target;
    }
    if (request->flags & REQUEST_INNER) {
        __be16 source = request->flow.ports.source;

        request->flow.ports.source = request->flow.ports.target;
        request->flow.ports.target = source;
    }
    return 0;
}

static __always_inline void ipv4_flow(const struct ipv4 *ip, struct request *request)
{
    bool inner = request->flags & REQUEST_INNER;

    request->flow.source[0] = inner ? ip->target : ip->source;
    request->flow.target[0] = inner ? ip->source : ip->target;
    request->flow.protocol = ip->protocol;
}

static __always_inline void ipv6_flow(const struct ipv6 *ip, struct request *request)
{
    bool inner = request->flags & REQUEST_INNER;

    for (int i = 0; i < 4; i++) {
        request->flow.source[i] = inner ? ip->target[i] : ip->source[i];
        request->flow.target[i] = inner ? ip->source[i] : ip->target[i];
    }
    request->flow.protocol = ip->next;
}

struct icmp {
    u8 type, code;
    __be16 checksum;
    __be32 rest;
};

static __always_inline void swap_macs(struct eth *eth)
{
    for (int i = 0; i < 6; i++) {
        u8 byte = eth->dst[i];

        eth->dst[i] = eth->src[i];
        eth->src[i] = byte;
    }
}

static __always_inline int answer_ping4(struct eth *eth, struct ipv4 *ip, struct icmp *icmp, u64 bytes)
{
    __be32 source = ip->source;
    u32 sum = (u16)~icmp->checksum + (u16)~bpf_htons(8 << 8);

    icmp->type = 0;
    icmp->checksum = (u16)~fold(sum);
    ip->source = ip->target;
    ip->target = source;
    swap_macs(eth);
    return refuse(PING, bytes, XDP_TX);
}

static __always_inline int parse_ipv4(struct cursor *cursor, struct eth *eth, struct request *request)
{
    struct ipv4 *ip = TAKE(cursor, struct ipv4);
    struct icmp *icmp;

    if (!ip || ip->version_length != 0x45)
        return refuse(MALFORMED, request->bytes, XDP_DROP);
    if (ip->fragment & bpf_htons(0x3fff))
        return refuse(FRAGMENT, request->bytes, XDP_DROP);
    request->tos = ip->tos;
    request->ttl = ip->ttl;
    request->flow.family = 4;
    ipv4_flow(ip, request);
    if (ip->protocol == PROTO_TCP || ip->protocol == PROTO_UDP)
        return parse_ports(cursor, request) ? refuse(MALFORMED, request->bytes, XDP_DROP) : -1;
    if (ip->protocol != PROTO_ICMP)
        return XDP_PASS;
    icmp = TAKE(cursor, struct icmp);
    if (!icmp)
        return refuse(MALFORMED, request->bytes, XDP_DROP);
    if (icmp->type == 8)
        return answer_ping4(eth, ip, icmp, request->bytes);
    if (icmp->type != 3)
        return XDP_PASS;
    if (icmp->code == 4)
        count(&events[TOO_BIG], request->bytes);
    ip = TAKE(cursor, struct ipv4);
    if (!ip || ip->version_length != 0x45)
        return refuse(MALFORMED, request->bytes, XDP_DROP);
    request->flags |= REQUEST_INNER;
    ipv4_flow(ip, request);
    if (ip->protocol != PROTO_TCP && ip->protocol != PROTO_UDP)
        return XDP_PASS;
    count(&events[ERROR], request->bytes);
    return parse_ports(cursor, request) ? refuse(MALFORMED, request->bytes, XDP_DROP) : -1;
}

static __always_inline int parse_ipv6(struct cursor *cursor, struct eth *eth, struct request *request)
{
    struct ipv6 *ip = TAKE(cursor, struct ipv6);
    struct icmp *icmp;

    if (!ip)
        return refuse(MALFORMED, request->bytes, XDP_DROP);
    request->tos = bpf_ntohl(ip->version_flow) >> 20;
    request->ttl = ip->hops;
    request->flow.family = 6;
    ipv6_flow(ip, request);
    if (ip->next == 44)
        return refuse(FRAGMENT, request->bytes, XDP_DROP);
    if (ip->next == PROTO_TCP || ip->next == PROTO_UDP)
        return parse_ports(cursor, request) ? refuse(MALFORMED, request->bytes, XDP_DROP) : -1;
    if (ip->next != PROTO_ICMPV6)
        return XDP_PASS;
    icmp = TAKE(cursor, struct icmp);
    if (!icmp)
        return refuse(MALFORMED, request->bytes, XDP_DROP);
    if (icmp->type == 128) {
        icmp->type = 129;
        for (int i = 0; i < 4; i++) {
            __be32 word = ip->source[i];

            ip->source[i] = ip->target[i];
            ip->target[i] = word;
        }
        swap_macs(eth);
        return refuse(PING, request->bytes, XDP_TX);
    }
    if (icmp->type != 1 && icmp->type != 2)
        return XDP_PASS;
    ip = TAKE(cursor, struct ipv6);
    if (!ip)
        return refuse(MALFORMED, request->bytes, XDP_DROP);
    request->flags |= REQUEST_INNER;
    ipv6_flow(ip, request);
    if (ip->next != PROTO_TCP && ip->next != PROTO_UDP)
        return XDP_PASS;
    count(&events[ERROR], request->bytes);
    return parse_ports(cursor, request) ? refuse(MALFORMED, request->bytes, XDP_DROP) : -1;
}

static __always_inline struct service *find_service(const struct request *request)
{
    struct service_key key = {.protocol = request->flow.protocol, .family = request->flow.family};
    struct service *service;

    for (int i = 0; i < 4; i++)
        key.address[i] = request->flow.target[i];
    key.port = request->flow.ports.target;
    service = bpf_map_lookup_elem(&services, &key);
    if (service)
        return service;
    key.port = 0;
    return bpf_map_lookup_elem(&services, &key);
}

/* QUIC's connection identifier names the server. */
static __always_inline int server_by_id(struct cursor *cursor, u32 *server)
{
    struct short_header {
        u8 flags, id[8];
    } *header = TAKE(cursor, struct short_header);
    u32 key, *found;

    if (!header || header->flags & 0x80 || header->id[0] >> 6 != 1)
        return -1;
    key = (header->id[0] & 0x3f) << 10 | header->id[1] << 2 | header->id[2] >> 6;
    found = bpf_map_lookup_elem(&server_ids, &key);
    if (!found || !*found)
        return -1;
    *server = *found;
    return 0;
}

static __always_inline int choose(struct request *request, const struct service *service, u32 *server)
{
    struct connection *known = 0, fresh = {};
    u32 cpu = bpf_get_smp_processor_id(), slot, *entry;
    void *table = bpf_map_lookup_elem(&connections_by_cpu, &cpu);
    bool keep = !(service->flags & SERVICE_NO_LRU);

    if (!table) {
        count(&events[FALLBACK], request->bytes);
        table = &connections;
    }
    if (service->flags & SERVICE_NO_SOURCE_PORT)
        request->flow.ports.source = 0;
    if (keep && !(request->flags & REQUEST_SYN))
        known = bpf_map_lookup_elem(table, &request->flow);
    if (known) {
        u64 now = bpf_ktime_get_ns();

        if (request->flow.protocol != PROTO_UDP || now - known->seen_ns < 30000000000ull) {
            known->seen_ns = now;
            *server = known->server;
            count(&events[KNOWN], request->bytes);
            return 0;
        }
    }
    slot = service->number * RING_SLOTS + spread(&request->flow, service->number) % RING_SLOTS;
    entry = bpf_map_lookup_elem(&ring, &slot);
    if (!entry)
        return -1;
    *server = *entry;
    count(&events[NEW], request->bytes);
    if (keep && !(request->flags & REQUEST_RST)) {
        fresh.server = *server;
        fresh.seen_ns = bpf_ktime_get_ns();
        bpf_map_update_elem(table, &request->flow, &fresh, BPF_ANY);
    }
    return 0;
}

static __always_inline u16 header_checksum(const struct ipv4 *ip)
{
    const u16 *words = (const void *)ip;
    u64 sum = 0;

    for (int i = 0; i < 10; i++)
        sum += words[i];
    return (u16)~fold(sum);
}

static __always_inline int send4(struct xdp_md *ctx, const struct request *request, const struct server *server,
                                 const struct gateway *gateway)
{
    struct eth *eth, *old;
    struct ipv4 *ip;
    struct cursor cursor;

    if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
        return XDP_DROP;
    cursor = cursor_of(ctx);
    eth = TAKE(&cursor, struct eth);
    ip = TAKE(&cursor, struct ipv4);
    old = (void *)ip + sizeof(*ip) - sizeof(*old);
    if (!eth || !ip || (void *)(old + 1) > cursor.end)
        return XDP_DROP;
    __builtin_memcpy(eth->src, old->dst, 6);
    __builtin_memcpy(eth->dst, gateway->mac, 6);
    eth->type = bpf_htons(ETH_IPV4);
    *ip = (struct ipv4){.version_length = 0x45, .tos = request->tos, .ttl = 64, .protocol = PROTO_IPIP,
                        .length = bpf_htons(request->bytes - sizeof(*eth) + sizeof(*ip)),
                        .source = gateway->source ^ (request->flow.source[0] & 0xffff0000), .target = server->address[0]};
    if (request->flow.family == 6)
        ip->protocol = PROTO_IPV6;
    ip->checksum = header_checksum(ip);
    return XDP_TX;
}

static __always_inline int send6(struct xdp_md *ctx, const struct request *request, const struct server *server,
                                 const struct gateway *gateway)
{
    struct eth *eth, *old;
    struct ipv6 *ip;
    struct cursor cursor;

    if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
        return XDP_DROP;
    cursor = cursor_of(ctx);
    eth = TAKE(&cursor, struct eth);
    ip = TAKE(&cursor, struct ipv6);
    old = (void *)ip + sizeof(*ip) - sizeof(*old);
    if (!eth || !ip || (void *)(old + 1) > cursor.end)
        return XDP_DROP;
    __builtin_memcpy(eth->src, old->dst, 6);
    __builtin_memcpy(eth->dst, gateway->mac, 6);
    eth->type = bpf_htons(ETH_IPV6);
    ip->version_flow = bpf_htonl(0x60000000 | request->tos << 20);
    ip->length = bpf_htons(request->bytes - sizeof(*eth));
    ip->next = request->flow.family == 6 ? PROTO_IPV6 : PROTO_IPIP;
    ip->hops = 64;
    for (int i = 0; i < 4; i++) {
        ip->source[i] = gateway->source6[i];
        ip->target[i] = server->address[i];
    }
    ip->source[3] ^= request->flow.source[0] ^ request->flow.ports.source;
    return XDP_TX;
}

SEC("xdp") int balancer(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct request request = {.bytes = cursor.end - cursor.at};
    struct eth *eth = TAKE(&cursor, struct eth);
    struct service *service;
    struct server *server;
    struct gateway *gateway;
    struct counters *stats;
    u32 number, key;
    int verdict;

    if (!eth)
        return XDP_DROP;
    if (eth->type == bpf_htons(ETH_IPV4))
        verdict = parse_ipv4(&cursor, eth, &request);
    else if (eth->type == bpf_htons(ETH_IPV6))
        verdict = parse_ipv6(&cursor, eth, &request);
    else
        return XDP_PASS;
    if (verdict >= 0)
        return verdict;
    service = find_service(&request);
    if (!service)
        return refuse(NO_SERVICE, request.bytes, XDP_PASS);
    if (service->flags & SERVICE_BY_ID && request.flow.protocol == PROTO_UDP && !server_by_id(&cursor, &number))
        count(&events[BY_ID], request.bytes);
    else if (choose(&request, service, &number))
        return refuse(NO_SERVER, request.bytes, XDP_DROP);
    key = service->number;
    stats = bpf_map_lookup_elem(&service_stats, &key);
    if (!stats)
        return XDP_DROP;
    count(stats, request.bytes);
    key = number;
    server = bpf_map_lookup_elem(&servers, &key);
    stats = bpf_map_lookup_elem(&server_stats, &key);
    if (!server || !stats)
        return refuse(NO_SERVER, request.bytes, XDP_DROP);
    count(stats, request.bytes);
    if (service->flags & SERVICE_LOCAL)
        return XDP_PASS;
    key = server->flags & SERVER_IPV6 ? 1 : 0;
    gateway = bpf_map_lookup_elem(&gateways, &key);
    if (!gateway)
        return XDP_DROP;
    return server->flags & SERVER_IPV6 ? send6(ctx, &request, server, gateway) : send4(ctx, &request, server, gateway);
}

LICENSE;
