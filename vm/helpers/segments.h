#pragma once
// A packet as one row of bytes over its linear part and its segments: net/core/filter.c,
// bpf_xdp_pointer and bpf_xdp_copy_buf.

#include <cstdint>

#include "vm/program/context.h"

namespace weir::vm {

constexpr uint32_t kPacketOffsetMax = 0xffff;  ///< and copies are at most as long

/// Bytes of linear part and segments together; the metadata in front does not count.
uint64_t packet_bytes(const XdpContext& context);
/// 0; -EFAULT: offset or length above kPacketOffsetMax; -EINVAL: past the packet's end.
int check_packet_range(const XdpContext& context, uint32_t offset, uint32_t bytes);
/// Address of a range that check_packet_range passed, or nullptr where it lies in several pieces.
uint8_t* packet_pointer(const XdpContext& context, uint32_t offset, uint32_t bytes);
/// Copies a range that lies within the packet.
void copy_from_packet(const XdpContext& context, uint32_t offset, void* to, uint32_t bytes);
/// Copies a range: the result of check_packet_range, after an error nothing was copied.
int load_packet(const XdpContext& context, uint32_t offset, void* to, uint32_t bytes);
int store_packet(const XdpContext& context, uint32_t offset, const void* from, uint32_t bytes);

}  // namespace weir::vm
