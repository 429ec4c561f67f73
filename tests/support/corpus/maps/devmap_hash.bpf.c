/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A devmap with keys of any number. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __uint(max_entries, 8);
    __type(key, u32);
    __type(value, struct bpf_devmap_val);
} ports SEC(".maps");

struct note notes[4];

SEC("xdp") int devmap_hash(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), key = length & 1 ? 700000 : length;
    struct bpf_devmap_val *value = bpf_map_lookup_elem(&ports, &key);

    note(&notes[0], value ? value->ifindex : 0);
    note(&notes[1], bpf_redirect_map(&ports, 42, XDP_ABORTED));
    note(&notes[2], bpf_redirect_map(&ports, 43, BPF_F_BROADCAST));
    return (int)bpf_redirect_map(&ports, key, XDP_TX);
}

LICENSE;
