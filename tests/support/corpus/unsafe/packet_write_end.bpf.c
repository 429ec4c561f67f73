/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Writes at data_end itself. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    *(u8 *)(long)ctx->data_end = 0;
    return XDP_PASS;
}

LICENSE;
