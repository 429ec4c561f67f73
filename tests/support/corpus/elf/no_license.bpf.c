/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* No license at all, and no BTF of maps but for variables. */
#include "../common.h"

u64 packets;

SEC("xdp") int no_license(struct xdp_md *ctx)
{
    packets++;
    return ctx->data_end - ctx->data > 60 ? XDP_PASS : XDP_DROP;
}
