#pragma once
// Packets of several buffers, for programs of xdp.frags: the first buffer is the linear part, the
// others are segments of the context. All other chains see a packet in one buffer (make_usual).

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "vm/program/context.h"

namespace weir::dataplane {

constexpr uint32_t kSegmentsMax = 17;  ///< fragments behind the linear part: MAX_SKB_FRAGS

/// True where the packet can be shown as it lies: not more than kSegmentsMax segments, at least an
/// Ethernet header in the first, no buffer that others hold too, not above kFrameBytesMax.
bool can_show_scattered(const rte_mbuf& packet);

/// Describes the buffers behind the first in `segments` (of kSegmentsMax) and in the context, which
/// open_packet has filled.
void open_scattered(const rte_mbuf& packet, std::span<vm::Segment> segments,
                    vm::XdpContext& context);

/// Writes back where the parts begin and end now, and frees the buffers of those that the program
/// cut off, in front or behind. What is left of them stands in the context in the packet's order.
void close_scattered(rte_mbuf& packet, const vm::XdpContext& context);

}  // namespace weir::dataplane
