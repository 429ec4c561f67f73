/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* CO-RE: whether types exist and match, how large they are, their numbers here and in the kernel. */
#include "../notes.h"
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct iphdr___mine {
    u8 ttl;
};
struct ethhdr {
    unsigned char h_dest[6], h_source[6];
    __be16 h_proto;
};
struct weir_has_no_such_struct {
    int value;
};
struct net_device___mine {
    int ifindex;
};
struct udphdr___same {
    __be16 source, dest, len;
    u16 check;
};
#pragma clang attribute pop

union bpf_attr___mine {
    u32 map_type;
};
typedef u64 u64___mine;
enum xdp_action___mine { XDP_DROP___mine };

struct note notes[24];

SEC("xdp") int core_types(struct xdp_md *ctx)
{
    note(&notes[0], bpf_core_type_exists(struct iphdr___mine));
    note(&notes[1], bpf_core_type_size(struct iphdr___mine));
    note(&notes[2], bpf_core_type_size(struct ethhdr));
    note(&notes[3], bpf_core_type_exists(struct weir_has_no_such_struct));
    note(&notes[4], bpf_core_type_size(struct weir_has_no_such_struct));
    note(&notes[5], bpf_core_type_size(struct net_device___mine));
    note(&notes[6], bpf_core_type_exists(union bpf_attr___mine));
    note(&notes[7], bpf_core_type_exists(enum xdp_action___mine));
    note(&notes[8], bpf_core_type_exists(u64___mine));
    note(&notes[9], bpf_core_type_id_local(struct net_device___mine));
    note(&notes[10], bpf_core_type_id_kernel(struct ethhdr));
    note(&notes[11], bpf_core_type_id_kernel(struct weir_has_no_such_struct));
    note(&notes[12], bpf_core_type_size(u64___mine));
#if __clang_major__ >= 15
    note(&notes[13], bpf_core_type_matches(struct ethhdr));
    note(&notes[14], bpf_core_type_matches(struct udphdr___same));
    note(&notes[15], bpf_core_type_matches(struct weir_has_no_such_struct));
    note(&notes[16], bpf_core_type_matches(struct net_device___mine));
    note(&notes[17], bpf_core_type_matches(enum xdp_action___mine));
#endif
    return notes[0].last ? XDP_PASS : XDP_DROP;
}

LICENSE;
