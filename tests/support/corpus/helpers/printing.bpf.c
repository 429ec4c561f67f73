/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* trace_printk and trace_vprintk: what they return. */
#include "../notes.h"

struct note notes[8];

SEC("xdp") int printing(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    static const char kMany[] = "%d %d %d %d %d", kFew[] = "length %d", kPlain[] = "nothing";
    u64 values[5] = {1, 2, 3, 4, length};

    note(&notes[0], bpf_trace_printk(kFew, sizeof(kFew), length));
    note(&notes[1], bpf_trace_printk(kPlain, sizeof(kPlain)));
    note(&notes[2], bpf_trace_vprintk(kMany, sizeof(kMany), values, sizeof(values)));
    note(&notes[3], bpf_trace_vprintk(kMany, sizeof(kMany), values, 16));
    note(&notes[4], bpf_trace_printk("%d %z", 6, length));
    note(&notes[5], bpf_trace_vprintk(kFew, sizeof(kFew), values, 12));
    note(&notes[6], bpf_printk("%d packets of %u bytes, %x and more", 1, length, length));
    return XDP_PASS;
}

LICENSE;
