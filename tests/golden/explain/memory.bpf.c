// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Programs that must be refused, one mistake each, as people make them: memory. How each refusal is explained stands in
// memory.txt under the function's name.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct ethernet {
    __u8 target[6], source[6];
    __be16 type;
};

struct ipv4 {
    __u8 version_length, tos;
    __be16 length, id, fragment;
    __u8 ttl, protocol;
    __be16 checksum;
    __be32 source, target;
};

struct flow {
    __u32 address;
    __u8 protocol;
    // three bytes of padding
};

struct state {
    __u64 packets, bytes;
    __u32 last[4];
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, struct flow);
    __type(value, struct state);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct state);
} total SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __uint(map_flags, BPF_F_RDONLY_PROG);
    __type(key, __u32);
    __type(value, __u32);
} settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} events SEC(".maps");

#define DATA(ctx) ((void *)(long)(ctx)->data)
#define END(ctx) ((void *)(long)(ctx)->data_end)

// The header is checked, the options behind it are not.
SEC("xdp") int ports_without_a_check(struct xdp_md *ctx)
{
    struct ethernet *ethernet = DATA(ctx);
    struct ipv4 *ip = (void *)(ethernet + 1);

    if ((void *)(ip + 1) > END(ctx))
        return XDP_PASS;
    if (ethernet->type != bpf_htons(0x0800) || ip->protocol != 6)
        return XDP_PASS;
    __be16 *ports = (void *)(ip + 1);
    return ports[1] == bpf_htons(80) ? XDP_DROP : XDP_PASS;
}

// The length of the header comes from the packet.
SEC("xdp") int options_without_a_check(struct xdp_md *ctx)
{
    struct ethernet *ethernet = DATA(ctx);
    struct ipv4 *ip = (void *)(ethernet + 1);

    if ((void *)(ip + 1) > END(ctx) || ethernet->type != bpf_htons(0x0800))
        return XDP_PASS;
    __be16 *ports = (void *)ip + (ip->version_length & 15) * 4;
    return ports[1] == bpf_htons(80) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int one_byte_too_far(struct xdp_md *ctx)
{
    __u8 *data = DATA(ctx);

    if (data + 64 > (__u8 *)END(ctx))
        return XDP_PASS;
    return data[64];
}

SEC("xdp") int before_the_packet(struct xdp_md *ctx)
{
    __u8 *data = DATA(ctx);

    if (data + 64 > (__u8 *)END(ctx))
        return XDP_PASS;
    return *(data + 14 - (data[14] & 15) * 4);
}

SEC("xdp") int pointers_of_before_the_cut(struct xdp_md *ctx)
{
    struct ethernet *ethernet = DATA(ctx);

    if ((void *)(ethernet + 2) > END(ctx))
        return XDP_PASS;
    if (bpf_xdp_adjust_head(ctx, sizeof(*ethernet)))
        return XDP_DROP;
    return ethernet->type;
}

SEC("xdp") int metadata_without_a_check(struct xdp_md *ctx)
{
    __u32 *mark = (void *)(long)ctx->data_meta;

    return *mark;
}

SEC("xdp") int look_up_without_a_check(struct xdp_md *ctx)
{
    struct flow flow;

    __builtin_memset(&flow, 0, sizeof(flow));
    flow.address = ctx->ingress_ifindex;
    struct state *state = bpf_map_lookup_elem(&flows, &flow);

    state->packets++;
    return XDP_PASS;
}

SEC("xdp") int key_with_padding(struct xdp_md *ctx)
{
    struct flow flow;

    flow.address = ctx->ingress_ifindex;
    flow.protocol = 6;
    return bpf_map_lookup_elem(&flows, &flow) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int index_without_a_check(struct xdp_md *ctx)
{
    __u32 zero = 0, index = ctx->rx_queue_index;
    struct state *state = bpf_map_lookup_elem(&total, &zero);

    if (state)
        state->last[index]++;
    return XDP_PASS;
}

SEC("xdp") int index_one_too_large(struct xdp_md *ctx)
{
    __u32 zero = 0, index = ctx->rx_queue_index;
    struct state *state = bpf_map_lookup_elem(&total, &zero);

    if (state && index <= 4)
        state->last[index]++;
    return XDP_PASS;
}

SEC("xdp") int behind_the_value(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct state *state = bpf_map_lookup_elem(&total, &zero);

    return state ? *((__u8 *)state + sizeof(*state)) : XDP_PASS;
}

SEC("xdp") int write_into_settings(struct xdp_md *ctx)
{
    __u32 zero = 0;
    __u32 *setting = bpf_map_lookup_elem(&settings, &zero);

    if (setting)
        *setting = 7;
    return XDP_PASS;
}

SEC("xdp") int behind_the_record(struct xdp_md *ctx)
{
    __u32 *record = bpf_ringbuf_reserve(&events, 16, 0);

    if (!record)
        return XDP_PASS;
    record[4] = 1;
    bpf_ringbuf_submit(record, 0);
    return XDP_PASS;
}

SEC("xdp") int stack_by_a_queue(struct xdp_md *ctx)
{
    volatile __u8 seen[16] = {};

    seen[ctx->rx_queue_index & 31] = 1;
    return seen[0];
}

SEC("xdp") int stack_off_its_alignment(struct xdp_md *ctx)
{
    __u64 bytes[2] = {};
    int number;

    asm volatile("%0 = *(u32 *)(%1 + 2)" : "=r"(number) : "r"(bytes), "m"(bytes));
    return number;
}

SEC("xdp") int number_for_an_address(struct xdp_md *ctx)
{
    __u32 *number = (void *)(long)ctx->ingress_ifindex;

    return *number;
}

SEC("xdp") int register_that_nobody_wrote(struct xdp_md *ctx)
{
    int verdict;

    asm volatile("%0 = r7" : "=r"(verdict));
    return verdict;
}

SEC("xdp") int atomic_on_a_packet(struct xdp_md *ctx)
{
    __u64 *counter = DATA(ctx);

    if ((void *)(counter + 1) > END(ctx))
        return XDP_PASS;
    __sync_fetch_and_add(counter, 1);
    return XDP_PASS;
}

SEC("socket") int filter_that_writes(struct __sk_buff *skb)
{
    __u8 *data = DATA(skb);

    if (data + 1 > (__u8 *)END(skb))
        return 0;
    *data = 1;
    return 1;
}

SEC("xdp") int context_written(struct xdp_md *ctx)
{
    ctx->rx_queue_index = 1;
    return XDP_PASS;
}

SEC("xdp") int one_load_for_two(struct xdp_md *ctx)
{
    __u32 numbers[4] = {1, 2, 3, 4};
    __u32 *from = ctx->ingress_ifindex == 7 ? (__u32 *)ctx : numbers;

    asm volatile("" : "+r"(from) : "m"(numbers));
    return *(volatile __u32 *)(from + 3);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
