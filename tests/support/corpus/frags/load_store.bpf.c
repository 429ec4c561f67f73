/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* load_bytes and store_bytes in every piece and across their borders. */
#include "../notes.h"

struct note notes[24];

static __always_inline void touch(struct xdp_md *ctx, struct note *result, u32 at)
{
    u8 bytes[16] = {};
    u64 value;

    note(result, bpf_xdp_load_bytes(ctx, at, bytes, sizeof(bytes)));
    __builtin_memcpy(&value, bytes + 4, 8);
    note(result, value);
    for (u32 i = 0; i < sizeof(bytes); i++)
        bytes[i] ^= 0x5a;
    note(result, bpf_xdp_store_bytes(ctx, at, bytes, sizeof(bytes)));
}

SEC("xdp.frags") int load_store(struct xdp_md *ctx)
{
    u32 whole = bpf_xdp_get_buff_len(ctx), first = LENGTH(ctx);

    touch(ctx, &notes[0], 0);
    touch(ctx, &notes[1], first - 8);
    touch(ctx, &notes[2], first);
    touch(ctx, &notes[3], first + 4096 - 5);
    touch(ctx, &notes[4], first + 4096);
    touch(ctx, &notes[5], whole - 16);
    touch(ctx, &notes[6], whole - 15);
    touch(ctx, &notes[7], whole / 2);
    touch(ctx, &notes[8], 0xffff);
    return notes[1].last ? XDP_DROP : XDP_TX;
}

LICENSE;
