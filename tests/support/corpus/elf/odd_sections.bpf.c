/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Section names of real objects that are none of libbpf's: taken as XDP. */
#include "../notes.h"

u64 runs[8];

SEC("xdp_prog") int simple(struct xdp_md *ctx) { runs[0]++; return XDP_PASS; }
SEC("xdp_drop_func") int dropper(struct xdp_md *ctx) { runs[1]++; return XDP_DROP; }
SEC("prog") int plain(struct xdp_md *ctx) { runs[2] += LENGTH(ctx); return XDP_TX; }
SEC("2/15") int numbered(struct xdp_md *ctx) { runs[3]++; return LENGTH(ctx) & 1 ? XDP_DROP : XDP_PASS; }
SEC("from-netdev") int named_by_user(struct xdp_md *ctx) { runs[4]++; return XDP_PASS; }
SEC("xdp_redirect_map") int redirector(struct xdp_md *ctx) { runs[5]++; return (int)bpf_redirect(10, 0); }

LICENSE;
