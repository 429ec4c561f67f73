/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Perf events: data alone, data with the packet's bytes behind it, and everything that is refused. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} samples SEC(".maps");

struct sample {
    u32 magic, length;
    u16 kind;
    u8 pad[2];
};

struct note notes[16];

SEC("xdp") int perf_events(struct xdp_md *ctx)
{
    struct sample sample = {.magic = 0xc0ffee, .length = LENGTH(ctx), .kind = 1};
    u64 taken = sample.length < 60 ? sample.length : 60, beyond = (u64)sample.length + 1;

    note(&notes[0], bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &sample, sizeof(sample)));
    sample.kind = 2;
    note(&notes[1], bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU | taken << 32, &sample, sizeof(sample)));
    note(&notes[2], bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU | beyond << 32, &sample, sizeof(sample)));
    note(&notes[3], bpf_perf_event_output(ctx, &samples, 1ull << 60, &sample, sizeof(sample)));
    note(&notes[4], bpf_perf_event_output(ctx, &samples, 100000, &sample, sizeof(sample)));
    sample.kind = 3;
    note(&notes[5], bpf_perf_event_output(ctx, &samples, bpf_get_smp_processor_id(), &sample, 5));
    return XDP_PASS;
}

LICENSE;
