/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A stateful firewall with address translation: one entry per connection found from either side, TCP's states by flags,
 * sequence windows, free ports by trying up to N, errors of ICMP that belong to a connection, and events in a ring buffer. */
#include "large.h"

enum tcp_state { NONE, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSED, TCP_STATES };

struct connection {
    u64 seen_ns;
    struct counters sides[2];
    u32 sequence_end[2], window[2];
    __be32 translated;
    __be16 translated_port;
    u8 state, is_translated;
};

struct tuple {
    __be32 low, high;
    __be16 low_port, high_port;
    u8 protocol, unused[3];
};

struct event {
    struct tuple tuple;
    u32 from, to;
    u64 at_ns;
};

struct policy_key {
    u32 prefix;
    __be32 address;
};

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 1024);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct policy_key);
    __type(value, u32);
} inside SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 16);
} transitions SEC(".maps");

MAP(connections, BPF_MAP_TYPE_LRU_HASH, 65536, struct tuple, struct connection);
MAP(used_ports, BPF_MAP_TYPE_HASH, 65536, u32, struct tuple);

enum reason { FORWARDED, NOT_IP, MALFORMED, NO_CONNECTION, BAD_STATE, OUT_OF_WINDOW, NO_PORT, TABLE_FULL, REASONS };
struct counters reasons[REASONS];
const volatile u64 timeouts_ns[TCP_STATES] = {1000000, 30000000000ull, 30000000000ull, 432000000000ull, 120000000000ull,
                                              60000000000ull, 30000000000ull, 120000000000ull, 10000000000ull};
const volatile __be32 outside = 0x0100007f;

static __always_inline int end_with(enum reason reason, u64 bytes, int verdict)
{
    count(&reasons[reason], bytes);
    return verdict;
}

static __always_inline u32 tuple_of(struct tuple *tuple, __be32 source, __be32 target, __be16 source_port,
                                    __be16 target_port, u8 protocol)
{
    u32 side = source > target || (source == target && source_port > target_port);

    *tuple = (struct tuple){.protocol = protocol};
    tuple->low = side ? target : source;
    tuple->high = side ? source : target;
    tuple->low_port = side ? target_port : source_port;
    tuple->high_port = side ? source_port : target_port;
    return side;
}

static __always_inline void tell(const struct tuple *tuple, u32 from, u32 to, u64 now)
{
    struct event *event = bpf_ringbuf_reserve(&transitions, sizeof(*event), 0);

    if (!event)
        return;
    event->tuple = *tuple;
    event->from = from;
    event->to = to;
    event->at_ns = now;
    bpf_ringbuf_submit(event, 0);
}

static __always_inline u32 next_state(u32 state, u8 flags, u32 side)
{
    bool syn = flags & 2, fin = flags & 1, rst = flags & 4, ack = flags & 16;

    if (rst)
        return CLOSED;
    switch (state) {
    case NONE:
        return syn && !ack ? SYN_SENT : TCP_STATES;
    case SYN_SENT:
        if (syn && ack)
            return SYN_RECEIVED;
        return syn ? SYN_SENT : TCP_STATES;
    case SYN_RECEIVED:
        if (syn)
            return SYN_RECEIVED;
        return fin ? FIN_WAIT : ack ? ESTABLISHED : TCP_STATES;
    case ESTABLISHED:
        return fin ? FIN_WAIT : syn ? TCP_STATES : ESTABLISHED;
    case FIN_WAIT:
        return fin ? LAST_ACK : ack ? CLOSE_WAIT : FIN_WAIT;
    case CLOSE_WAIT:
        return fin ? LAST_ACK : CLOSE_WAIT;
    case LAST_ACK:
        return ack ? TIME_WAIT : LAST_ACK;
    case TIME_WAIT:
    case CLOSED:
        return syn && !ack ? SYN_SENT : state;
    }
    return TCP_STATES;
}

static __always_inline bool in_window(struct connection *connection, const struct tcp *tcp, u32 side, u32 length)
{
    u32 sequence = bpf_ntohl(tcp->sequence), end = sequence + length, limit;

    if (side > 1)
        return false;
    limit = connection->sequence_end[side] + connection->window[side ^ 1];
    if (connection->window[side ^ 1] && (s32)(end - limit) > 0)
        return false;
    if ((s32)(end - connection->sequence_end[side]) > 0)
        connection->sequence_end[side] = end;
    connection->window[side] = bpf_ntohs(tcp->window);
    return true;
}

static __always_inline u16 patched(u16 checksum, u32 old, u32 new)
{
    u64 sum = (u16)~checksum;

    sum += (u16)~(old & 0xffff) + (u16)~(old >> 16);
    sum += (new & 0xffff) + (new >> 16);
    return (u16)~fold(sum);
}

/* A port that no connection uses; 0 where N tries found none. */
static __always_inline __be16 free_port(const struct tuple *tuple, u32 seed)
{
    for (u32 i = 0; i < N; i++) {
        u32 key = 1024 + (mix(seed, i) & 0x7fff);

        if (!bpf_map_update_elem(&used_ports, &key, tuple, BPF_NOEXIST))
            return bpf_htons(key);
    }
    return 0;
}

static __always_inline bool is_inside(__be32 address)
{
    struct policy_key key = {.prefix = 32, .address = address};
    u32 *zone = bpf_map_lookup_elem(&inside, &key);

    return zone && *zone == 1;
}

struct packet {
    struct ipv4 *ip;
    struct tcp *tcp;
    struct udp *udp;
    struct tuple tuple;
    u32 side;
    u64 bytes, now;
};

static __always_inline void translate(struct packet *packet, const struct connection *connection)
{
    struct ipv4 *ip = packet->ip;
    __be32 old = ip->source;
    __be16 old_port;

    ip->source = connection->translated;
    ip->checksum = patched(ip->checksum, old, ip->source);
    if (packet->tcp) {
        old_port = packet->tcp->source;
        packet->tcp->source = connection->translated_port;
        packet->tcp->checksum = patched(packet->tcp->checksum, old, ip->source);
        packet->tcp->checksum = patched(packet->tcp->checksum, old_port, connection->translated_port);
    } else if (packet->udp) {
        old_port = packet->udp->source;
        packet->udp->source = connection->translated_port;
        if (packet->udp->checksum) {
            packet->udp->checksum = patched(packet->udp->checksum, old, ip->source);
            packet->udp->checksum = patched(packet->udp->checksum, old_port, connection->translated_port);
        }
    }
}

static __always_inline int create(struct packet *packet)
{
    struct connection fresh = {.seen_ns = packet->now, .state = ESTABLISHED};

    if (!is_inside(packet->ip->source))
        return end_with(NO_CONNECTION, packet->bytes, XDP_DROP);
    if (packet->tcp) {
        u32 state = next_state(NONE, packet->tcp->flags, packet->side);

        if (state >= TCP_STATES)
            return end_with(BAD_STATE, packet->bytes, XDP_DROP);
        fresh.state = state;
    }
    if (!is_inside(packet->ip->target)) {
        fresh.is_translated = 1;
        fresh.translated = outside;
        fresh.translated_port = free_port(&packet->tuple, packet->tuple.low ^ packet->tuple.high_port);
        if (!fresh.translated_port)
            return end_with(NO_PORT, packet->bytes, XDP_DROP);
    }
    if (bpf_map_update_elem(&connections, &packet->tuple, &fresh, BPF_NOEXIST))
        return end_with(TABLE_FULL, packet->bytes, XDP_DROP);
    tell(&packet->tuple, NONE, fresh.state, packet->now);
    if (fresh.is_translated)
        translate(packet, &fresh);
    return end_with(FORWARDED, packet->bytes, XDP_TX);
}

static __always_inline int follow(struct packet *packet, struct connection *connection)
{
    u32 state = connection->state, next = ESTABLISHED, side = packet->side & 1;

    if (state < TCP_STATES && packet->now - connection->seen_ns > timeouts_ns[state]) {
        bpf_map_delete_elem(&connections, &packet->tuple);
        tell(&packet->tuple, state, CLOSED, packet->now);
        return create(packet);
    }
    if (packet->tcp) {
        next = next_state(state, packet->tcp->flags, side);
        if (next >= TCP_STATES)
            return end_with(BAD_STATE, packet->bytes, XDP_DROP);
        if (!in_window(connection, packet->tcp, side, packet->bytes - 54))
            return end_with(OUT_OF_WINDOW, packet->bytes, XDP_DROP);
    }
    if (next != state)
        tell(&packet->tuple, state, next, packet->now);
    connection->state = next;
    connection->seen_ns = packet->now;
    count(&connection->sides[side], packet->bytes);
    if (connection->is_translated)
        translate(packet, connection);
    return end_with(FORWARDED, packet->bytes, XDP_TX);
}

SEC("xdp") int conntrack(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct packet packet = {.bytes = cursor.end - cursor.at};
    struct eth *eth = TAKE(&cursor, struct eth);
    struct connection *connection;
    struct ports *ports;

    if (!eth || eth->type != bpf_htons(ETH_IPV4))
        return end_with(NOT_IP, packet.bytes, XDP_PASS);
    packet.ip = TAKE(&cursor, struct ipv4);
    if (!packet.ip || packet.ip->version_length != 0x45)
        return end_with(MALFORMED, packet.bytes, XDP_DROP);
    packet.now = bpf_ktime_get_ns();
    ports = cursor.at;
    if (packet.ip->protocol == PROTO_TCP) {
        packet.tcp = TAKE(&cursor, struct tcp);
        if (!packet.tcp)
            return end_with(MALFORMED, packet.bytes, XDP_DROP);
    } else if (packet.ip->protocol == PROTO_UDP) {
        packet.udp = TAKE(&cursor, struct udp);
        if (!packet.udp)
            return end_with(MALFORMED, packet.bytes, XDP_DROP);
    } else if (packet.ip->protocol == PROTO_ICMP) {
        struct inner {
            u8 type, code;
            __be16 checksum;
            __be32 unused;
            struct ipv4 ip;
            struct ports ports;
        } *inner = TAKE(&cursor, struct inner);

        if (!inner || inner->type != 3 || inner->ip.version_length != 0x45)
            return end_with(NOT_IP, packet.bytes, XDP_PASS);
        tuple_of(&packet.tuple, inner->ip.source, inner->ip.target, inner->ports.source, inner->ports.target,
                 inner->ip.protocol);
        connection = bpf_map_lookup_elem(&connections, &packet.tuple);
        if (!connection)
            return end_with(NO_CONNECTION, packet.bytes, XDP_DROP);
        return end_with(FORWARDED, packet.bytes, XDP_TX);
    } else {
        return end_with(NOT_IP, packet.bytes, XDP_PASS);
    }
    packet.side = tuple_of(&packet.tuple, packet.ip->source, packet.ip->target, ports->source, ports->target,
                           packet.ip->protocol);
    connection = bpf_map_lookup_elem(&connections, &packet.tuple);
    return connection ? follow(&packet, connection) : create(&packet);
}

LICENSE;
