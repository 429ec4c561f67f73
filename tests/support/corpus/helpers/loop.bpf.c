/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* bpf_loop: whole, left early, with no rounds, too many rounds, flags; one loop in another; a static context. */
#include "../notes.h"

struct note notes[8];

struct walk {
    u64 sum;
    u32 stop_at, inner;
};

static long add(u32 index, struct walk *walk)
{
    walk->sum += index * 3;
    return index == walk->stop_at;
}

static long outer(u32 index, struct walk *walk)
{
    struct walk inner = {.stop_at = index & 7};

    walk->inner += bpf_loop(20, add, &inner, 0);
    walk->sum ^= inner.sum + index;
    return 0;
}

SEC("xdp") int loop(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);
    struct walk walk = {.stop_at = length & 127};

    note(&notes[0], bpf_loop(100, add, &walk, 0));
    note(&notes[1], walk.sum);
    note(&notes[2], bpf_loop(0, add, &walk, 0));
    note(&notes[3], bpf_loop((1 << 23) + 1, add, &walk, 0));
    note(&notes[4], bpf_loop(5, add, &walk, 1));
    note(&notes[5], bpf_loop(length & 63, outer, &walk, 0));
    note(&notes[6], walk.sum + walk.inner);
    note(&notes[7], bpf_loop(length * 4, add, &walk, 0));
    return walk.sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
