/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* check_mtu: the packet's own length and one given, changes of it, other devices, and what is refused. */
#include "../notes.h"

struct note notes[24];

static __always_inline void ask(struct xdp_md *ctx, struct note *results, u32 ifindex, u32 length, s32 change, u64 flags)
{
    u32 mtu = length;

    note(&results[0], bpf_check_mtu(ctx, ifindex, &mtu, change, flags));
    note(&results[1], mtu);
}

SEC("xdp") int check_mtu(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);

    ask(ctx, &notes[0], 10, 0, 0, 0);
    ask(ctx, &notes[2], 10, length, 0, 0);
    ask(ctx, &notes[4], 11, 0, 100, 0);
    ask(ctx, &notes[6], 11, 1500 - length, (s32)length, 0);
    ask(ctx, &notes[8], 11, 1501 - length, (s32)length, 0);
    ask(ctx, &notes[10], 999, 0, 0, 0);
    ask(ctx, &notes[12], 10, 0, 0, 77);
    ask(ctx, &notes[14], 10, 0, -(s32)length - 1, 0);
    ask(ctx, &notes[16], 0, 0, 0, 0);
    return notes[0].last ? XDP_DROP : XDP_PASS;
}

LICENSE;
