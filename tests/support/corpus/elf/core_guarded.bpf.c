/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* CO-RE: code behind a test for a field that the kernel does not have. The access cannot be relocated, and need not be:
   nothing reaches it. */
#include "../notes.h"
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct iphdr___old {
    u8 ttl;
    u32 no_such_field;
};
struct iphdr___new {
    u8 protocol;
};
struct weir_flow {
    u32 first, second;
};
#pragma clang attribute pop

struct note notes[4];

SEC("xdp") int core_guarded(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    struct iphdr___old *old = data + 14;
    struct iphdr___new *fresh = data + 14;
    struct weir_flow *flow = data;

    if (data + 34 > (void *)(long)ctx->data_end)
        return XDP_PASS;
    if (bpf_core_field_exists(old->no_such_field))
        note(&notes[0], old->no_such_field);
    else
        note(&notes[0], old->ttl);
    if (bpf_core_type_exists(struct weir_flow))
        note(&notes[1], flow->second);
    note(&notes[2], fresh->protocol);
    return notes[2].last == PROTO_TCP ? XDP_TX : XDP_PASS;
}

LICENSE;
