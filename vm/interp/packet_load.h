#pragma once
// LD_ABS and LD_IND of socket filters (RFC 9669, section 5.5): what lies where in a packet.

#include <cstdint>
#include <span>

#include "vm/program/context.h"

namespace weir::vm {

/// Fills `out` from `offset` on, as the kernel's bpf_skb_load_helper_8 and its like
/// (net/core/filter.c): from 0 over the linear part and the segments; negative ones count from the
/// network header (SKF_NET_OFF) or the MAC header (SKF_LL_OFF), in the linear part. False where it
/// is not all there.
bool load_packet_bytes(const SkbContext& skb, int32_t offset, std::span<uint8_t> out);

}  // namespace weir::vm
