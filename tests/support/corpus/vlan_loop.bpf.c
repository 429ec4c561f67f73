/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Strips nothing, but looks below up to four tags. */
#include "common.h"

SEC("xdp") int vlan_loop(struct xdp_md *ctx)
{
    struct cursor cursor = cursor_of(ctx);
    struct eth *eth = TAKE(&cursor, struct eth);
    __be16 type;
    u32 tags = 0;

    if (!eth)
        return XDP_ABORTED;
    type = eth->type;
    for (int i = 0; i < 4; i++) {
        struct vlan *vlan;

        if (type != bpf_htons(ETH_VLAN) && type != bpf_htons(ETH_QINQ))
            break;
        vlan = TAKE(&cursor, struct vlan);
        if (!vlan)
            return XDP_ABORTED;
        type = vlan->type;
        tags++;
    }
    if (tags > 1)
        return XDP_DROP;
    return tags ? XDP_TX : XDP_PASS;
}

LICENSE;
