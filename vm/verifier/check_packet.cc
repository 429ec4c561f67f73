// Packet memory: a comparison with data_end (data, for metadata) proves bytes from the pointer's
// base on.

#include <algorithm>

#include <fmt/format.h>

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {

Checked check_packet_bounds(const Step& step, const Region& region, Access access) {
    const Reg& pointer = region.pointer;
    if (step.is_socket_filter() && access != Access::Read)
        return fault("packet-access", "socket filters may only read the packet");
    const bool meta = pointer.kind == RegKind::PacketMeta;
    const std::string_view name = meta ? "packet metadata" : "packet";
    const std::string_view verb = access == Access::Read ? "read" : "write";
    const int64_t offset = pointer.off + region.offset;
    const int64_t first = pointer.value.full.smin;
    // The pointer's base is at least data (data_meta), whatever was compared.
    if (first < 0 || first > kPacketBytesMax || first + offset < 0)
        return fault("packet-bounds",
                     fmt::format("{} {} of {} bytes at offset {}{} may lie before the packet; make "
                                 "sure that what is added is not negative",
                                 name, verb, region.size, offset,
                                 first == 0 ? "" : fmt::format(" + [{}, …]", first)));
    const int64_t end = offset + region.size;
    // Of 0 bytes it is not known that the place itself lies in the packet.
    if (end > int64_t{pointer.range} || (pointer.range == 0 && region.size != 0))
        return fault("packet-bounds",
                     fmt::format("{} {} of {} bytes at offset {}: only {} bytes are proven{}; "
                                 "compare {} + {} with {} first",
                                 name, verb, region.size, offset, pointer.range,
                                 pointer.id == 0 ? "" : " from the variable part on",
                                 pointer.id == 0 ? (meta ? "data_meta" : "data") : "the pointer",
                                 std::max<int64_t>(end, 1), meta ? "data" : "data_end"));
    return {};
}

}  // namespace weir::vm::verifier
