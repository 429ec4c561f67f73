/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What an object may hold beside XDP programs: types that are listed and left alone, and odd section names. */
#include "common.h"

struct __sk_buff;

__attribute__((noinline)) int shared(int value)
{
    volatile int doubled = value * 2;

    return doubled;
}

SEC("xdp") __attribute__((noinline)) int first(struct xdp_md *ctx) { return shared(1) == 2 ? XDP_PASS : XDP_ABORTED; }
SEC("xdp/second") int second(struct xdp_md *ctx) { return shared(2) == 4 ? XDP_DROP : first(ctx); }
SEC("?xdp") int optional(struct xdp_md *ctx) { return XDP_TX; }
SEC("tc") int shaper(struct __sk_buff *skb) { return 0; }
SEC("classifier") int marker(struct __sk_buff *skb) { return 0; }
SEC("kprobe/do_nothing") int probe(void *ctx) { return 0; }
SEC("socket") int tap(struct __sk_buff *skb) { return -1; }
SEC("scrubber") int scrub(struct xdp_md *ctx) { return XDP_DROP; }

LICENSE;
