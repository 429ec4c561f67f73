#include "dataplane/api/frame.h"

#include <array>

#include <fmt/format.h>

#include "vm/base/check.h"

namespace weir::dataplane::api {

std::string frame_type_name(uint16_t type) {
    constexpr std::array<std::string_view, kRequestTypeMax> kNames = {
        "STATUS",        "CONFIGURE",    "CREATE_MAP",  "LIST_MAPS",    "LOOKUP",
        "UPDATE",        "ERASE",        "DUMP",        "LOAD",         "PUBLISH",
        "LIST_PROGRAMS", "STATS",        "SHUTDOWN",    "FILL",         "REPLACE_MAPS",
        "BIND",          "READ_CODE",    "TRACE_START", "TRACE_POLL",   "READ_PROGRAM",
        "READ_ROUTES",   "BYPASS",       "SWAP_TIMES",  "OPEN_CAPTURE", "READ_CAPTURE",
        "CLOSE_CAPTURE", "LIST_CAPTURES"};
    if (type == static_cast<uint16_t>(FrameType::Error)) return "ERROR";
    const uint16_t request = static_cast<uint16_t>(type & ~kReplyBit);
    if (request == 0 || request > kRequestTypeMax) return fmt::format("type {}", type);
    return fmt::format("{}{}", kNames[request - 1u], type == request ? "" : " reply");
}

Result<FrameHeader> read_frame_header(ByteSpan bytes) {
    WEIR_CHECK(bytes.size() == kFrameHeaderBytes);
    ByteReader reader(bytes);
    const uint32_t magic = *reader.read<uint32_t>();
    const uint16_t version = *reader.read<uint16_t>();
    FrameHeader header;
    header.type = *reader.read<uint16_t>();
    header.length = *reader.read<uint32_t>();
    if (magic != kMagic) {
        return fail(
            ErrorKind::kInvalid,
            fmt::format("frame: magic at offset 0 is {:#010x}, expected {:#010x}", magic, kMagic));
    }
    if (version != kVersion) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("frame: version at offset 4 is {}, this side speaks {}", version,
                                kVersion));
    }
    if (header.length > kFrameBytesMax) {
        return fail(ErrorKind::kInvalid, fmt::format("frame: length at offset 8 is {}, at most {}",
                                                     header.length, kFrameBytesMax));
    }
    return header;
}

Bytes make_frame(uint16_t type, ByteSpan body) {
    WEIR_CHECK(body.size() <= kFrameBytesMax);
    ByteWriter writer;
    writer.write(kMagic);
    writer.write(kVersion);
    writer.write(type);
    writer.write(static_cast<uint32_t>(body.size()));
    writer.append(body);
    return writer.take();
}

}  // namespace weir::dataplane::api
