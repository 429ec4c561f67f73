/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A loop that counts: a verifier has time for every count, not for every history. Linux 6.18 has
   time for 24 rounds, not for 32. */
#include "common.h"

SEC("xdp") int stack_compare(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data, buffer[64], reversed[64];
    int differ = 0;

    if (data + 64 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    __builtin_memcpy(buffer, data, sizeof(buffer));
    for (int i = 0; i < 64; i++)
        reversed[i] = buffer[63 - i];
    for (int i = 0; i < 24; i++)
        differ += buffer[i] != reversed[i];
    __builtin_memcpy(data, reversed, 64);
    return differ > 15 ? XDP_TX : XDP_DROP;
}

LICENSE;
