#include "vm/helpers/segments.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::vm {
namespace {

uint64_t linear_bytes(const XdpContext& context) {
    return static_cast<uint64_t>(context.data_end - context.data);
}

/// Calls visit(address, bytes) for every piece of a range that lies within the packet.
template <typename Visit>
void for_each_piece(const XdpContext& context, uint64_t offset, uint64_t bytes, Visit visit) {
    uint8_t* piece = context.data;
    uint64_t piece_bytes = linear_bytes(context);
    for (uint32_t next = 0; bytes != 0; ++next) {
        if (offset < piece_bytes) {
            const uint64_t part = std::min(bytes, piece_bytes - offset);
            visit(piece + offset, static_cast<size_t>(part));
            bytes -= part;
            offset = 0;
        } else {
            offset -= piece_bytes;
        }
        if (next == context.segment_count) return;
        piece = context.segments[next].data;
        piece_bytes = context.segments[next].bytes;
    }
}

}  // namespace

uint64_t packet_bytes(const XdpContext& context) {
    uint64_t bytes = linear_bytes(context);
    for (uint32_t i = 0; i < context.segment_count; ++i) bytes += context.segments[i].bytes;
    return bytes;
}

int check_packet_range(const XdpContext& context, uint32_t offset, uint32_t bytes) {
    if (offset > kPacketOffsetMax || bytes > kPacketOffsetMax) return -EFAULT;
    if (offset + bytes > packet_bytes(context)) return -EINVAL;
    return 0;
}

uint8_t* packet_pointer(const XdpContext& context, uint32_t offset, uint32_t bytes) {
    uint8_t* piece = context.data;
    uint64_t piece_bytes = linear_bytes(context);
    uint64_t in_piece = offset;
    for (uint32_t next = 0; in_piece >= piece_bytes && next < context.segment_count; ++next) {
        in_piece -= piece_bytes;
        piece = context.segments[next].data;
        piece_bytes = context.segments[next].bytes;
    }
    return in_piece + bytes <= piece_bytes ? piece + in_piece : nullptr;
}

void copy_from_packet(const XdpContext& context, uint32_t offset, void* to, uint32_t bytes) {
    auto* at = static_cast<uint8_t*>(to);
    for_each_piece(context, offset, bytes, [&at](const uint8_t* piece, size_t part) {
        std::memmove(at, piece, part);
        at += part;
    });
}

int load_packet(const XdpContext& context, uint32_t offset, void* to, uint32_t bytes) {
    if (const int error = check_packet_range(context, offset, bytes)) return error;
    copy_from_packet(context, offset, to, bytes);
    return 0;
}

int store_packet(const XdpContext& context, uint32_t offset, const void* from, uint32_t bytes) {
    if (const int error = check_packet_range(context, offset, bytes)) return error;
    const auto* at = static_cast<const uint8_t*>(from);
    for_each_piece(context, offset, bytes, [&at](uint8_t* piece, size_t part) {
        std::memmove(piece, at, part);
        at += part;
    });
    return 0;
}

}  // namespace weir::vm
