/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Ethernet only: verdict by type and by the group bit of the destination. */
#include "common.h"

SEC("xdp") int parse_l2(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);

    if (!eth)
        return XDP_ABORTED;
    if (eth->dst[0] & 1)
        return XDP_DROP;
    return eth->type == bpf_htons(ETH_ARP) ? XDP_TX : XDP_PASS;
}

LICENSE;
