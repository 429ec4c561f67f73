/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Bytes of a packet in pieces behind a perf event's data. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} samples SEC(".maps");

struct note notes[4];

SEC("xdp.frags") int perf(struct xdp_md *ctx)
{
    u64 whole = bpf_xdp_get_buff_len(ctx), magic = 0x1234567890abcdef;

    note(&notes[0], bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU | whole << 32, &magic, sizeof(magic)));
    note(&notes[1], bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU | (whole + 1) << 32, &magic, sizeof(magic)));
    return XDP_PASS;
}

LICENSE;
