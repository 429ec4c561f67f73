/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Every clock: none goes back, all stand in the order in which the kernel keeps them. Only that is kept. */
#include "../common.h"

u64 wrong, packets;

static __always_inline void expect(bool right, u32 bit)
{
    if (!right)
        wrong |= 1ull << bit;
}

SEC("xdp") int time(struct xdp_md *ctx)
{
    u64 mono = bpf_ktime_get_ns(), boot = bpf_ktime_get_boot_ns(), coarse = bpf_ktime_get_coarse_ns();
    u64 tai = bpf_ktime_get_tai_ns(), jiffies = bpf_jiffies64(), later = bpf_ktime_get_ns();

    packets++;
    expect(later >= mono, 0);
    expect(boot >= mono, 1);
    expect(coarse <= later, 2);
    expect(later - coarse < 1000000000, 3);
    expect(tai > boot, 4);
    expect(jiffies > 0, 5);
    expect(bpf_jiffies64() >= jiffies, 6);
    expect(bpf_ktime_get_tai_ns() >= tai, 7);
    expect(bpf_ktime_get_boot_ns() - boot < 10000000000, 8);
    expect(bpf_get_numa_node_id() < 64, 9);
    expect(bpf_get_smp_processor_id() < 4096, 10);
    return wrong ? XDP_ABORTED : XDP_PASS;
}

LICENSE;
