/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Random numbers: 32 bits each, not all the same. */
#include "../common.h"

u64 wide, repeats, packets;

SEC("xdp") int random(struct xdp_md *ctx)
{
    u64 first = bpf_get_prandom_u32(), second = bpf_get_prandom_u32(), third = bpf_get_prandom_u32();

    packets++;
    if ((first | second | third) >> 32)
        wide++;
    if (first == second && second == third)
        repeats++;
    return XDP_PASS;
}

LICENSE;
