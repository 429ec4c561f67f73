/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Programs that lean on the kernel: CO-RE, kernel functions and variables. And what looks so, but does not. */
#include "../common.h"

struct task {
    int pid;
} __attribute__((preserve_access_index));

struct iphdr {
    u8 version_length, tos;
    __be16 tot_len;
} __attribute__((preserve_access_index));

extern int kernel_function(int value) __attribute__((section(".ksyms")));
extern const int kernel_variable __attribute__((section(".ksyms")));

SEC("xdp") int needs_core(struct xdp_md *ctx) { return ((struct task *)(long)ctx->data)->pid; }

SEC("xdp") int fixed_layout(struct xdp_md *ctx)
{
    struct iphdr *ip = (void *)(long)ctx->data;

    if ((void *)((u8 *)ip + 4) > (void *)(long)ctx->data_end)
        return XDP_PASS;
    return ip->tot_len ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int needs_function(struct xdp_md *ctx) { return kernel_function(1); }
SEC("xdp") int needs_variable(struct xdp_md *ctx) { return (long)&kernel_variable >> 5 & 1; }

LICENSE;
