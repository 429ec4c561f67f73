/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Reads metadata that was never compared with data. */
#include "../common.h"

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    if (bpf_xdp_adjust_meta(ctx, -4))
        return XDP_PASS;
    return *(u32 *)(long)ctx->data_meta & 1;
}

LICENSE;
