// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Programs that must be refused, one mistake each, as people make them: what is called, given and taken. How each refusal
// is explained stands in calls.txt under the function's name.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct guarded {
    struct bpf_spin_lock lock;
    __u32 packets;
};

struct timed {
    struct bpf_timer timer;
    __u64 packets;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u64);
} numbers SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct guarded);
} guarded SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct timed);
} timed SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} stages SEC(".maps");

struct bpf_iter_num {
    __u64 hidden;
};
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;

#define DATA(ctx) ((void *)(long)(ctx)->data)
#define END(ctx) ((void *)(long)(ctx)->data_end)

SEC("xdp") int record_forgotten(struct xdp_md *ctx)
{
    __u32 *record = bpf_ringbuf_reserve(&events, 16, 0);

    if (!record)
        return XDP_PASS;
    record[0] = ctx->ingress_ifindex;
    if (ctx->rx_queue_index == 3)
        return XDP_DROP;
    bpf_ringbuf_submit(record, 0);
    return XDP_PASS;
}

SEC("xdp") int record_given_back_twice(struct xdp_md *ctx)
{
    __u32 *record = bpf_ringbuf_reserve(&events, 16, 0);

    if (!record)
        return XDP_PASS;
    if (ctx->rx_queue_index == 3)
        bpf_ringbuf_discard(record, 0);
    asm volatile("r1 = %0; r2 = 0; call 132" : : "r"(record) : "r0", "r1", "r2", "r3", "r4", "r5");
    return XDP_PASS;
}

SEC("xdp") int socket_kept(struct xdp_md *ctx)
{
    struct bpf_sock_tuple tuple = {};
    struct bpf_sock *socket = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), 0, 0);

    return socket ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int socket_read_behind_its_fields(struct xdp_md *ctx)
{
    struct bpf_sock_tuple tuple = {};
    struct bpf_sock *socket = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), 0, 0);
    __u32 found = 0;

    if (socket) {
        found = *(volatile __u32 *)((__u8 *)socket + 4096);
        bpf_sk_release(socket);
    }
    return found;
}

SEC("xdp") int unlock_forgotten(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct guarded *value = bpf_map_lookup_elem(&guarded, &zero);

    if (!value)
        return XDP_PASS;
    bpf_spin_lock(&value->lock);
    if (++value->packets > 100)
        return XDP_DROP;
    bpf_spin_unlock(&value->lock);
    return XDP_PASS;
}

SEC("xdp") int call_under_a_lock(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct guarded *value = bpf_map_lookup_elem(&guarded, &zero);

    if (!value)
        return XDP_PASS;
    bpf_spin_lock(&value->lock);
    value->packets += bpf_get_prandom_u32();
    bpf_spin_unlock(&value->lock);
    return XDP_PASS;
}

static int wake(void *map, __u32 *key, struct timed *value)
{
    value->packets = 0;
    return 1;
}

SEC("xdp") int timer_that_returns_something(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct timed *value = bpf_map_lookup_elem(&timed, &zero);

    if (!value)
        return XDP_PASS;
    bpf_timer_init(&value->timer, &timed, 1);
    bpf_timer_set_callback(&value->timer, wake);
    bpf_timer_start(&value->timer, 1000, 0);
    return XDP_PASS;
}

SEC("xdp") int timer_of_another_map(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct timed *value = bpf_map_lookup_elem(&timed, &zero);

    if (value)
        bpf_timer_init(&value->timer, &guarded, 1);
    return XDP_PASS;
}

static int count_up(__u32 index, __u64 *sum)
{
    *sum += index;
    return *sum > 1000 ? 2 : 0;
}

SEC("xdp") int callback_that_returns_two(struct xdp_md *ctx)
{
    __u64 sum = ctx->rx_queue_index;

    bpf_loop(10, count_up, &sum, 0);
    return sum & 1;
}

SEC("xdp") int iterator_not_destroyed(struct xdp_md *ctx)
{
    struct bpf_iter_num it;
    int *number, sum = 0;

    bpf_iter_num_new(&it, 0, 10);
    while ((number = bpf_iter_num_next(&it)))
        sum += *number;
    return sum & 1;
}

SEC("xdp") int iterator_asked_before_it_is_made(struct xdp_md *ctx)
{
    struct bpf_iter_num it = {};

    return bpf_iter_num_next(&it) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int dynptr_written_over(struct xdp_md *ctx)
{
    struct bpf_dynptr dynptr;
    __u32 byte = 0;

    bpf_ringbuf_reserve_dynptr(&events, 16, 0, &dynptr);
    *(volatile __u32 *)&dynptr = 1;
    bpf_dynptr_read(&byte, 1, &dynptr, 0, 0);
    bpf_ringbuf_submit_dynptr(&dynptr, 0);
    return byte;
}

SEC("xdp") int dynptr_that_is_none(struct xdp_md *ctx)
{
    struct bpf_dynptr dynptr = {};
    __u32 byte = 0;

    bpf_dynptr_read(&byte, 1, &dynptr, 0, 0);
    return byte;
}

SEC("xdp") int kfunc_of_another_type(struct xdp_md *ctx)
{
    struct bpf_dynptr dynptr;

    return bpf_dynptr_from_skb((void *)ctx, 0, &dynptr);
}

SEC("xdp") int tail_call_under_a_lock(struct xdp_md *ctx)
{
    __u32 *record = bpf_ringbuf_reserve(&events, 16, 0);

    if (!record)
        return XDP_PASS;
    bpf_tail_call(ctx, &stages, 1);
    bpf_ringbuf_discard(record, 0);
    return XDP_PASS;
}

static int jump_on(__u32 index, struct xdp_md **ctx)
{
    bpf_tail_call(*ctx, &stages, index);
    return 0;
}

SEC("xdp") int tail_call_of_a_callback(struct xdp_md *ctx)
{
    bpf_loop(4, jump_on, &ctx, 0);
    return XDP_PASS;
}

SEC("xdp") int size_from_the_packet(struct xdp_md *ctx)
{
    __u8 buffer[32] = {}, *data = DATA(ctx);

    if (data + 1 > (__u8 *)END(ctx))
        return XDP_PASS;
    bpf_xdp_load_bytes(ctx, 14, buffer, data[0]);
    return buffer[0];
}

SEC("xdp") int size_that_may_be_zero(struct xdp_md *ctx)
{
    __u8 buffer[64] = {};
    __u32 size = ctx->rx_queue_index;

    if (size <= 64)
        bpf_xdp_load_bytes(ctx, 14, buffer, size);
    return buffer[0];
}

SEC("xdp") int look_up_in_a_ring(struct xdp_md *ctx)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&events, &zero) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int helper_of_another_type(struct xdp_md *ctx)
{
    return bpf_get_current_pid_tgid() & 1;
}

SEC("xdp") int address_into_a_map(struct xdp_md *ctx)
{
    __u32 zero = 0;
    __u64 *number = bpf_map_lookup_elem(&numbers, &zero);

    if (number)
        *number = (__u64)ctx;
    return XDP_PASS;
}

SEC("xdp") int address_for_a_verdict(struct xdp_md *ctx)
{
    return (long)ctx;
}

SEC("xdp") int pointer_times_two(struct xdp_md *ctx)
{
    __u64 twice = (__u64)DATA(ctx);

    asm volatile("%0 *= 2" : "+r"(twice));
    return *(__u8 *)twice;
}

SEC("xdp") int pointer_and_any_number(struct xdp_md *ctx)
{
    __u8 *data = DATA(ctx);
    __u64 far = bpf_ktime_get_ns();

    if (data + far + 1 > (__u8 *)END(ctx))
        return XDP_PASS;
    return data[far];
}

SEC("xdp") int pointer_and_number_compared(struct xdp_md *ctx)
{
    __u64 start = (__u64)DATA(ctx);
    int verdict = XDP_PASS;

    asm volatile("if %1 > 4096 goto +1; %0 = 1" : "+r"(verdict) : "r"(start));
    return verdict;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
