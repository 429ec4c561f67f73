/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* xdp_load_bytes, xdp_store_bytes, xdp_get_buff_len: any offset, errors as verdicts. */
#include "common.h"

u64 first;
s64 error;

SEC("xdp") int load_bytes(struct xdp_md *ctx)
{
    u8 window[16] = {};
    u64 length = bpf_xdp_get_buff_len(ctx);

    error = bpf_xdp_load_bytes(ctx, (u32)(length / 2), window, sizeof(window));
    if (error)
        return XDP_DROP;
    __builtin_memcpy(&first, window, sizeof(first));
    for (int i = 0; i < 8; i++) {
        u8 swap = window[i];

        window[i] = window[15 - i];
        window[15 - i] = swap;
    }
    error = bpf_xdp_store_bytes(ctx, 14, window, sizeof(window));
    return error ? XDP_ABORTED : XDP_TX;
}

LICENSE;
