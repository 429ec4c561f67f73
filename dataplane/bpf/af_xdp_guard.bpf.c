// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
//
// What an interface under net_af_xdp runs: a frame goes to the socket of its queue, and without one
// it is dropped. The program outlives the dataplane, so the host sees nothing of what comes in
// after its death either. libxdp's own program passes such frames to the host.
//
// libxdp finds it by the names `xsk_def_prog` and `xsks_map` and by `xsk_prog_version`, uses it in
// place of its own, and leaves attaching and detaching to whoever attached it, since there is no
// count of users beside it (libxdp, lib/libxdp/xsk.c).
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __type(key, __u32);
    __type(value, __u32);
    __uint(max_entries, 1024); // queues of one interface
} xsks_map SEC(".maps");

SEC("xdp")
int xsk_def_prog(struct xdp_md* ctx)
{
    return (int)bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);
}

__uint(xsk_prog_version, 1) SEC("xdp_metadata");
char _license[] SEC("license") = "Dual BSD/GPL";
