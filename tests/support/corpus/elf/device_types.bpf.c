/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Programs for a packet on its way out of a devmap and a cpumap. */
#include "../notes.h"

struct note notes[4];

SEC("xdp/devmap") int on_the_way_out(struct xdp_md *ctx)
{
    note(&notes[0], ctx->egress_ifindex);
    note(&notes[1], LENGTH(ctx));
    return ctx->egress_ifindex == 11 ? XDP_PASS : XDP_DROP;
}

SEC("xdp/cpumap") int on_the_other_cpu(struct xdp_md *ctx)
{
    note(&notes[2], ctx->ingress_ifindex);
    return LENGTH(ctx) > 64 ? XDP_PASS : XDP_DROP;
}

SEC("xdp.frags/devmap") int fragments_out(struct xdp_md *ctx)
{
    note(&notes[3], bpf_xdp_get_buff_len(ctx));
    return XDP_PASS;
}

LICENSE;
