/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* CO-RE: enumerators by name, their values in the kernel, and ones that it does not have. */
#include "../notes.h"
#include <bpf/bpf_core_read.h>

enum bpf_map_type___here {
    BPF_MAP_TYPE_HASH___here = 1000,
    BPF_MAP_TYPE_RINGBUF___here = 2000,
    BPF_MAP_TYPE_WEIR___here = 3000,
};
enum xdp_action___here {
    XDP_REDIRECT___here = 77,
    XDP_ABORTED___here = 78,
};
enum weir_has_no_such_enum {
    WEIR_NOTHING = 5,
};

struct note notes[8];

SEC("xdp") int core_enums(struct xdp_md *ctx)
{
    note(&notes[0], bpf_core_enum_value_exists(enum bpf_map_type___here, BPF_MAP_TYPE_HASH___here));
    note(&notes[1], bpf_core_enum_value(enum bpf_map_type___here, BPF_MAP_TYPE_HASH___here));
    note(&notes[2], bpf_core_enum_value(enum bpf_map_type___here, BPF_MAP_TYPE_RINGBUF___here));
    note(&notes[3], bpf_core_enum_value_exists(enum bpf_map_type___here, BPF_MAP_TYPE_WEIR___here));
    note(&notes[4], bpf_core_enum_value(enum xdp_action___here, XDP_REDIRECT___here));
    note(&notes[5], bpf_core_enum_value_exists(enum weir_has_no_such_enum, WEIR_NOTHING));
    note(&notes[6], bpf_core_enum_value(enum xdp_action___here, XDP_ABORTED___here));
    return bpf_core_enum_value(enum xdp_action___here, XDP_REDIRECT___here) == 4 ? XDP_PASS : XDP_DROP;
}

LICENSE;
