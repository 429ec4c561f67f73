/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Redirects by maps that the operator fills, with programs behind their entries: what the test sees are counts. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum { BEHIND_DEVMAP, BEHIND_CPUMAP, NEXT_BEHIND_DEVMAP, COUNTS };

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, COUNTS);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
} out SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} all SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

static __always_inline void count(__u32 which)
{
    __u64 *value = bpf_map_lookup_elem(&counts, &which);

    if (value)
        __sync_fetch_and_add(value, 1);
}

#ifdef NEXT
#define STAMP NEXT_BEHIND_DEVMAP
#else
#define STAMP BEHIND_DEVMAP
#endif

SEC("xdp/devmap") int stamp(struct xdp_md *ctx)
{
    count(STAMP);
    return ctx->egress_ifindex == 2 ? XDP_PASS : XDP_DROP;
}

SEC("xdp/cpumap") int there(struct xdp_md *ctx)
{
    count(BEHIND_CPUMAP);
    return bpf_get_smp_processor_id() == 1 ? XDP_DROP : XDP_ABORTED;
}

SEC("xdp") int by_devmap(struct xdp_md *ctx)
{
    return bpf_redirect_map(&out, 1, XDP_ABORTED);
}

SEC("xdp") int to_all(struct xdp_md *ctx)
{
    return bpf_redirect_map(&all, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

SEC("xdp") int by_cpumap(struct xdp_md *ctx)
{
    return bpf_redirect_map(&cpus, 1, XDP_DROP);
}

char _license[] SEC("license") = "Dual BSD/GPL";
