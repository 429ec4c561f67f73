/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Stack buffers: copies, spills, comparison, reversed bytes written back. */
#include "common.h"

SEC("xdp") int stack_copy(struct xdp_md *ctx)
{
    u8 *data = (void *)(long)ctx->data, buffer[64], reversed[64];
    int differ = 0;

    if (data + 64 > (u8 *)(long)ctx->data_end)
        return XDP_PASS;
    __builtin_memcpy(buffer, data, sizeof(buffer));
    for (int i = 0; i < 64; i++)
        reversed[i] = buffer[63 - i];
    for (int i = 0; i < 64; i++)
        differ += (buffer[i] ^ reversed[i]) & 1;
    __builtin_memcpy(data, reversed, 64);
    return differ > 30 ? XDP_TX : XDP_DROP;
}

LICENSE;
