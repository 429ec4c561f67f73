/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* adjust_head upwards: a tag in front, from what was there. */
#include "common.h"

SEC("xdp") int push_vlan(struct xdp_md *ctx)
{
    struct eth *eth = (void *)(long)ctx->data, copy;
    struct vlan *vlan;

    if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
        return XDP_ABORTED;
    copy = *eth;
    if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*vlan)))
        return XDP_ABORTED;
    eth = (void *)(long)ctx->data;
    vlan = (void *)(eth + 1);
    if ((void *)(vlan + 1) > (void *)(long)ctx->data_end)
        return XDP_ABORTED;
    __builtin_memcpy(eth, &copy, sizeof(copy));
    vlan->tci = bpf_htons(42);
    vlan->type = copy.type;
    eth->type = bpf_htons(ETH_VLAN);
    return XDP_TX;
}

LICENSE;
