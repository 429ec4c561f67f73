// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// For the command line's tests: a program that asks how the kernel was configured.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

extern unsigned int CONFIG_HZ __kconfig;

SEC("xdp")
int tuned(struct xdp_md *ctx)
{
    return CONFIG_HZ == 1234 ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
