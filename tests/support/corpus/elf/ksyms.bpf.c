/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Functions and variables of the kernel that may be missing: weak ones are null, and code behind a test for them is
   never reached. */
#include "../notes.h"

extern int bpf_dynptr_from_xdp(struct xdp_md *ctx, u64 flags, struct bpf_dynptr *packet) __ksym __weak;
extern int bpf_weir_has_no_such_function(struct xdp_md *ctx) __ksym __weak;
extern const void bpf_weir_has_no_such_symbol __ksym __weak;
extern const int bpf_weir_has_no_such_variable __ksym __weak;

struct note notes[4];

SEC("xdp") int ksyms(struct xdp_md *ctx)
{
    struct bpf_dynptr packet;
    u8 first = 0;

    if (bpf_weir_has_no_such_function)
        note(&notes[0], bpf_weir_has_no_such_function(ctx));
    else
        note(&notes[0], 77);
    note(&notes[1], &bpf_weir_has_no_such_symbol != 0);
    note(&notes[2], &bpf_weir_has_no_such_variable != 0);
    if (bpf_dynptr_from_xdp) {
        bpf_dynptr_from_xdp(ctx, 0, &packet);
        bpf_dynptr_read(&first, 1, &packet, 0, 0);
    }
    note(&notes[3], first);
    return first & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE;
