/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* bpf_redirect: the last call counts, flags must be none, and a program may change its mind. */
#include "../notes.h"

struct note notes[4];

SEC("xdp") int redirects(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx);

    note(&notes[0], bpf_redirect(1, 0));
    note(&notes[1], bpf_redirect(11, BPF_F_INGRESS));
    note(&notes[2], bpf_redirect(0xffffffff, 0));
    if (length % 3 == 0)
        return XDP_PASS;
    return (int)bpf_redirect(length & 1 ? 10 : 11, length & 2);
}

LICENSE;
