/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Redirects to CPUs: slots that the application has filled, and others. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

struct note notes[4];

SEC("xdp") int cpumap(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), slot = length % 6;

    note(&notes[1], bpf_redirect_map(&cpus, slot, BPF_F_BROADCAST));
    note(&notes[2], bpf_redirect_map(&cpus, slot, XDP_PASS));
    return (int)bpf_redirect_map(&cpus, slot, XDP_DROP);
}

LICENSE;
