/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* .data, .bss, .rodata, named sections, statics and structs. */
#include "common.h"

struct limits {
    u16 low, high;
};

const volatile u32 sample_every = 3;
const volatile bool drop_arp = true;
const volatile struct limits sizes = {64, 1000};
u64 seen = 100;
s32 balance = -5;
u64 bytes_total;
u32 histogram[8];
static u32 turns;
u32 tuned SEC(".data.tuning") = 7;

SEC("xdp") int globals(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    u32 length = ctx->data_end - ctx->data;

    seen++;
    balance -= 2;
    bytes_total += length;
    histogram[(length >> 5) & 7]++;
    tuned = tuned * 5 + 1;
    if (++turns == sample_every) {
        turns = 0;
        return XDP_TX;
    }
    if (!eth)
        return XDP_ABORTED;
    if (drop_arp && eth->type == bpf_htons(ETH_ARP))
        return XDP_DROP;
    return length < sizes.low || length > sizes.high ? XDP_DROP : XDP_PASS;
}

LICENSE;
