/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* A map of every kind of the kernel's that no packet program has here, each used by a program. By their numbers in enum
 * bpf_map_type: older headers lack the last ones. */
#include "../common.h"

#define FOREIGN(name, number)                                          \
    struct {                                                           \
        __uint(type, number);                                          \
        __uint(max_entries, 1);                                        \
        __type(key, u32);                                              \
        __type(value, u32);                                            \
    } a_##name SEC(".maps");                                           \
                                                                       \
    SEC("xdp") int uses_##name(struct xdp_md *ctx)                     \
    {                                                                  \
        u32 key = 0;                                                   \
                                                                       \
        return bpf_map_lookup_elem(&a_##name, &key) ? XDP_DROP : XDP_PASS; \
    }

FOREIGN(stack_trace, 7)
FOREIGN(cgroup_array, 8)
FOREIGN(sockmap, 15)
FOREIGN(sockhash, 18)
FOREIGN(cgroup_storage, 19)
FOREIGN(reuseport_sockarray, 20)
FOREIGN(percpu_cgroup_storage, 21)
FOREIGN(sk_storage, 24)
FOREIGN(struct_ops, 26)
FOREIGN(inode_storage, 28)
FOREIGN(task_storage, 29)
FOREIGN(cgrp_storage, 32)
FOREIGN(arena, 33)
FOREIGN(insn_array, 34)
