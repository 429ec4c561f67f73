/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A perf event array with slots for which there is no CPU, so that nobody has opened them, and indices beyond its end. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(max_entries, 4);
    __uint(key_size, 4);
    __uint(value_size, 4);
} samples SEC(".maps");

struct note notes[4];

SEC("xdp") int perf_unopened(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);

    note(&notes[0], bpf_perf_event_output(ctx, &samples, 3, &length, sizeof(length)));
    note(&notes[1], bpf_perf_event_output(ctx, &samples, 4, &length, sizeof(length)));
    note(&notes[2], bpf_perf_event_output(ctx, &samples, 0xfffffffe, &length, sizeof(length)));
    return XDP_PASS;
}

LICENSE;
