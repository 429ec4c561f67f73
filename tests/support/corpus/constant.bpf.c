/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Several programs in one object, one per verdict, and a value that is no verdict. */
#include "common.h"

SEC("xdp") int drop_all(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp") int pass_all(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int tx_all(struct xdp_md *ctx) { return XDP_TX; }
SEC("xdp") int aborted_all(struct xdp_md *ctx) { return XDP_ABORTED; }
SEC("xdp") int no_verdict(struct xdp_md *ctx) { return 77; }
SEC("xdp.frags") int with_frags(struct xdp_md *ctx) { return XDP_PASS; }

LICENSE;
