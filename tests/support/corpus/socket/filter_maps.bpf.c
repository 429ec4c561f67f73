/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A socket filter that counts protocols in maps and tail calls for one of them. */
#include "skb.h"

int udp_filter(struct __sk_buff *skb);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 32);
    __uint(key_size, 4);
    __array(values, int(struct __sk_buff *));
} by_protocol SEC(".maps") = {.values = {[17] = (void *)&udp_filter}};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 256);
    __type(key, u32);
    __type(value, long);
} counts SEC(".maps");

u32 udp_seen;

SEC("socket/udp") int udp_filter(struct __sk_buff *skb)
{
    udp_seen += skb->len;
    return 28;
}

SEC("socket") int filter_maps(struct __sk_buff *skb)
{
    u32 protocol = (u32)load_byte(skb, 9);
    long *count = bpf_map_lookup_elem(&counts, &protocol);

    if (count)
        __sync_fetch_and_add(count, skb->len);
    bpf_tail_call(skb, &by_protocol, protocol);
    return protocol == PROTO_TCP ? -1 : 0;
}

LICENSE;
