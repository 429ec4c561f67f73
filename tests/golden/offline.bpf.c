// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// For the command line's tests: everything that an offline run must provide around a program.
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct packet_event {
    __u32 length;
    __u32 port;
};

int leave(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 4);
    __uint(key_size, sizeof(__u32));
    __array(values, int(void *));
} jumps SEC(".maps") = {
    .values = {[1] = (void *)&leave},
};

struct inner {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
};

struct inner first SEC(".maps"), second SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __type(key, __u32);
    __array(values, struct inner);
} outer SEC(".maps") = {
    .values = {[0] = &first},
};

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 4);
    __type(value, __u32);
} lengths SEC(".maps");

struct timed {
    struct bpf_timer timer;
    __u64 fired;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct timed);
} clocks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u32);
} unsized SEC(".maps");

__u32 limit = 1000;
const volatile __u8 mark[4] = {1, 2, 3, 4};

SEC("xdp")
int enter(struct xdp_md *ctx)
{
    __u32 key = 0, length = ctx->data_end - ctx->data;
    struct packet_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    void *counters = bpf_map_lookup_elem(&outer, &key);

    if (event) {
        event->length = length;
        event->port = ctx->ingress_ifindex;
        bpf_ringbuf_submit(event, 0);
    }
    if (counters) {
        __u64 *count = bpf_map_lookup_elem(counters, &key);
        if (count)
            __sync_fetch_and_add(count, 1);
    }
    bpf_map_push_elem(&lengths, &length, 0);
    bpf_tail_call(ctx, &jumps, length > limit ? 2 : 1);
    return XDP_DROP;
}

SEC("?xdp")
int leave(struct xdp_md *ctx)
{
    return XDP_TX;
}

SEC("xdp")
int route(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct bpf_fib_lookup lookup = {.family = 2, .ifindex = ctx->ingress_ifindex};

    if (data + 34 > end)
        return XDP_DROP;
    __builtin_memcpy(&lookup.ipv4_src, data + 26, 4);
    __builtin_memcpy(&lookup.ipv4_dst, data + 30, 4);
    if (bpf_fib_lookup(ctx, &lookup, sizeof(lookup), 0) != BPF_FIB_LKUP_RET_SUCCESS)
        return XDP_PASS;
    __builtin_memcpy(data, lookup.dmac, 6);
    __builtin_memcpy(data + 6, lookup.smac, 6);
    return bpf_redirect(lookup.ifindex, 0);
}

static int tick(void *map, int *key, struct timed *value)
{
    value->fired++;
    return 0;
}

SEC("xdp")
int timed(struct xdp_md *ctx)
{
    __u32 key = 0;
    struct timed *value = bpf_map_lookup_elem(&clocks, &key);

    if (!value)
        return XDP_DROP;
    if (bpf_timer_init(&value->timer, &clocks, 1 /* CLOCK_MONOTONIC */))
        return XDP_PASS;
    bpf_timer_set_callback(&value->timer, tick);
    bpf_timer_start(&value->timer, 0, 0);
    return XDP_TX;
}

SEC("xdp.frags")
int pieces(struct xdp_md *ctx)
{
    return ctx->data_end - ctx->data == bpf_xdp_get_buff_len(ctx) ? XDP_PASS : XDP_TX;
}

SEC("xdp")
int wild(struct xdp_md *ctx)
{
    return *(__u8 *)(long)(ctx->data_end + 5000);
}

SEC("socket")
int snap(struct __sk_buff *skb)
{
    __u8 tag;

    if (bpf_skb_load_bytes(skb, 0, &tag, 1))
        return 0;
    return skb->protocol == bpf_htons(ETH_P_IP) ? 64 : 0;
}

SEC("tc")
int shaped(struct __sk_buff *skb)
{
    __u32 key = 0;
    __u32 *value = bpf_map_lookup_elem(&unsized, &key);

    return value ? *value + mark[0] : 0;
}

SEC("?xdp")
int traced(struct xdp_md *ctx)
{
    return bpf_get_current_pid_tgid() ? XDP_PASS : XDP_DROP;
}

/* A field that only a socket of the host has. */
SEC("?socket")
int queued(struct __sk_buff *skb)
{
    return skb->napi_id;
}

char _license[] SEC("license") = "GPL";
