/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What a NIC says of a packet. The kernel takes this program only for one device. */
#include "../notes.h"

enum xdp_rss_hash_type { XDP_RSS_TYPE_NONE };

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, u32 *hash, enum xdp_rss_hash_type *type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *protocol, u16 *tag) __ksym;

struct note notes[4];

SEC("xdp") int metadata(struct xdp_md *ctx)
{
    enum xdp_rss_hash_type type = XDP_RSS_TYPE_NONE;
    __be16 protocol = 0;
    u64 timestamp = 0;
    u32 hash = 0;
    u16 tag = 0;

    note(&notes[0], bpf_xdp_metadata_rx_timestamp(ctx, &timestamp));
    note(&notes[1], bpf_xdp_metadata_rx_hash(ctx, &hash, &type));
    note(&notes[2], bpf_xdp_metadata_rx_vlan_tag(ctx, &protocol, &tag));
    note(&notes[3], timestamp + hash + tag + protocol);
    return XDP_PASS;
}

LICENSE;
