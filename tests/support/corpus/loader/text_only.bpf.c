/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* One function, no section of its own. */
#include "../common.h"

int lonely(struct xdp_md *ctx) { return XDP_DROP; }

LICENSE;
