/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Kinds of maps and spellings of their definitions; static contents; addresses in data. */
#include "../common.h"

int target(struct xdp_md *ctx);

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __array(values, int(struct xdp_md *));
} jumps SEC(".maps") = {.values = {[1] = (void *)&target}};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(key_size, 8);
    __uint(value_size, 24);
    __uint(pinning, 1);
} recent SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} samples SEC(".maps");

static int here;
int *pointer_in_data = &here;

SEC("xdp") int target(struct xdp_md *ctx) { return XDP_DROP; }

SEC("xdp") int jumper(struct xdp_md *ctx)
{
    bpf_tail_call(ctx, &jumps, 1);
    return pointer_in_data ? XDP_TX : XDP_PASS;
}

LICENSE;
