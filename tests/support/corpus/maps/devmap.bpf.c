/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Redirects through a devmap that the application has filled: interfaces that are there, fallbacks where none is,
   broadcast, flags that may not be. */
#include "../notes.h"

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 8);
    __type(key, u32);
    __type(value, u32);
} ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __uint(key_size, 4);
    __uint(value_size, sizeof(struct bpf_devmap_val));
} ports_with_program SEC(".maps");

struct note notes[12];

SEC("xdp") int devmap(struct xdp_md *ctx)
{
    u32 length = LENGTH(ctx), slot = length % 10, *ifindex = bpf_map_lookup_elem(&ports, &slot);
    struct bpf_devmap_val *value = bpf_map_lookup_elem(&ports_with_program, &(u32){1});

    note(&notes[0], ifindex ? *ifindex : 0);
    note(&notes[1], value ? value->ifindex : 0);
    note(&notes[2], value ? value->bpf_prog.id : 99);
    note(&notes[3], bpf_redirect_map(&ports, slot, XDP_PASS));
    note(&notes[4], bpf_redirect_map(&ports, slot, XDP_TX));
    note(&notes[5], bpf_redirect_map(&ports, slot, 4));
    note(&notes[6], bpf_redirect_map(&ports, slot, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS));
    note(&notes[7], bpf_redirect_map(&ports, 1ull << 32, XDP_DROP));
    note(&notes[8], bpf_redirect_map(&ports, slot, 1 << 6));
    return (int)bpf_redirect_map(length & 1 ? (void *)&ports : (void *)&ports_with_program, slot, XDP_DROP);
}

LICENSE;
