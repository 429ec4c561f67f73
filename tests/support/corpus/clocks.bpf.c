/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Time, CPU and chance: what they say is used, but nothing that differs between runs is kept. */
#include "common.h"

u32 backwards, out_of_range;

SEC("xdp") int clocks(struct xdp_md *ctx)
{
    u64 before = bpf_ktime_get_ns(), boot = bpf_ktime_get_boot_ns(), after = bpf_ktime_get_ns();

    if (after < before || boot == 0)
        backwards++;
    if (bpf_get_smp_processor_id() > 4096)
        out_of_range++;
    if ((bpf_get_prandom_u32() & 0xff) > 255)
        out_of_range++;
    return XDP_PASS;
}

LICENSE;
