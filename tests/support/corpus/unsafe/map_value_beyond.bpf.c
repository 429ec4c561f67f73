/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Reads past the value's eight bytes. */
#include "../common.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} numbers SEC(".maps");

SEC("xdp") int unsafe(struct xdp_md *ctx)
{
    u32 key = 1;
    u64 *value = bpf_map_lookup_elem(&numbers, &key);

    return value ? (int)value[1] : XDP_PASS;
}

LICENSE;
