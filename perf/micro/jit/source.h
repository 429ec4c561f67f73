/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What programs.bpf.c needs in order to be compiled twice: to eBPF (C), and to native code (C++,
 * whose half is native_maps.h). */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/types.h>

#ifdef __cplusplus
#include "perf/micro/jit/native_maps.h"
#else
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

#define PROGRAM(name) SEC("xdp") int name(struct xdp_md* ctx)

#define MAP(kind, name, key_type, value_type, entries, create_flags) \
    struct {                                                         \
        __uint(type, BPF_MAP_TYPE_##kind);                           \
        __uint(max_entries, entries);                                \
        __uint(map_flags, create_flags);                             \
        __type(key, key_type);                                       \
        __type(value, value_type);                                   \
    } name SEC(".maps")

char _license[] SEC("license") = "Dual BSD/GPL";
#endif

/* DPDK's programs get the packet itself, which is long enough. */
#ifdef PACKET_IN_R1
#define PACKET_BYTES 118
#define PACKET_START(ctx) ((char*)(ctx))
#define PACKET_END(ctx) ((char*)(ctx) + PACKET_BYTES)
#else
#define PACKET_START(ctx) ((char*)(long)(ctx)->data)
#define PACKET_END(ctx) ((char*)(long)(ctx)->data_end)
#endif

#define BE16(number) __builtin_bswap16(number)
#define BE32(number) __builtin_bswap32(number)
