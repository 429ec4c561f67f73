// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// For `weir prog verify`: programs whose cost is known by counting, one that is refused, one that is not offered.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u64);
} totals SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u64);
} never_used SEC(".maps");

const volatile __u32 is_verbose;
__u64 sums[8];

SEC("xdp")
int constant(struct xdp_md *ctx)
{
    return XDP_PASS;
}

/* Two ways to go, the longer of which counts. */
SEC("xdp")
int two_ways(struct xdp_md *ctx)
{
    __u32 key = ctx->rx_queue_index;
    __u64 *total;

    if (key > 3)
        return XDP_DROP;
    total = bpf_map_lookup_elem(&totals, &key);
    if (!total)
        return XDP_ABORTED;
    *total += bpf_ktime_get_ns();
    if (is_verbose)
        bpf_map_delete_elem(&never_used, &key); /* `is_verbose` is constant: never reached */
    return XDP_PASS;
}

/* A loop of eight rounds. */
SEC("xdp")
int eight_rounds(struct xdp_md *ctx)
{
#pragma clang loop unroll(disable)
    for (int i = 0; i < 8; i++) {
        sums[i] += ctx->rx_queue_index;
        asm volatile("" ::: "memory");
    }
    return XDP_PASS;
}

SEC("?xdp")
int unchecked(struct xdp_md *ctx)
{
    return *(__u8 *)(long)ctx->data;
}

SEC("tc")
int shaped(struct __sk_buff *skb)
{
    return 0;
}

char _license[] SEC("license") = "GPL";
