// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// Two programs of one chain, which write into each packet which version of them it met. KIND tells
// objects apart that are swapped for each other.

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "stamps.h"

#ifndef KIND
#define KIND 1
#endif

const volatile __u32 version = 0; // the configuration's, one for both programs

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} seen SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, __u64);
} flows SEC(".maps");

// The control side fills and empties it meanwhile.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, __u32);
} storm SEC(".maps");

static __always_inline struct stamp* stamp_of(struct xdp_md* context)
{
    void* data = (void*)(long)context->data;
    void* end = (void*)(long)context->data_end;
    struct stamp* stamp = data + STAMP_OFFSET;
    if ((void*)(stamp + 1) > end || stamp->magic != STAMP_MAGIC)
        return 0;
    return stamp;
}

SEC("xdp")
int first(struct xdp_md* context)
{
    struct stamp* stamp = stamp_of(context);
    __u32 slot = 0, flow;
    __u64 *count, one = 1;

    if (!stamp)
        return XDP_ABORTED;
    stamp->first_version = version;
    stamp->first_runs++;
    stamp->worker = bpf_get_smp_processor_id();
    stamp->kind = KIND;
    flow = stamp->flow;
    count = bpf_map_lookup_elem(&seen, &slot);
    if (count)
        (*count)++;
    count = bpf_map_lookup_elem(&flows, &flow);
    if (count)
        __sync_fetch_and_add(count, 1);
    else if (bpf_map_update_elem(&flows, &flow, &one, BPF_NOEXIST))
        return XDP_ABORTED;
    bpf_map_lookup_elem(&storm, &flow);
    return XDP_PASS;
}

SEC("xdp")
int second(struct xdp_md* context)
{
    struct stamp* stamp = stamp_of(context);

    if (!stamp)
        return XDP_ABORTED;
    stamp->second_version = version;
    stamp->second_runs++;
    return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
