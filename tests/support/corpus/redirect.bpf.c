/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* bpf_redirect to an interface, for one protocol; flags must be zero. */
#include "common.h"

SEC("xdp") int redirect(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);

    if (!eth)
        return XDP_ABORTED;
    if (eth->type == bpf_htons(ETH_IPV4))
        return (int)bpf_redirect(1, 0);
    if (eth->type == bpf_htons(ETH_IPV6))
        return (int)bpf_redirect(1, 1);
    return XDP_PASS;
}

LICENSE;
