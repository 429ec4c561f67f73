#pragma once
// Captures: read by libpcap (pcap and pcapng), written as classic little-endian pcap with
// microseconds.

#include <string>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::controlplane::cli {

constexpr uint64_t kCaptureBytesMax = 4ull << 30;  ///< of all packets together

struct CapturedPacket {
    uint32_t seconds = 0;
    uint32_t microseconds = 0;
    uint32_t wire_bytes = 0;  ///< length on the wire; the bytes may be fewer
    Bytes bytes;
};

/// All packets of an Ethernet capture. "-" is not offered.
Result<std::vector<CapturedPacket>> read_capture(const std::string& path);

/// Overwrites `path`. One record per packet, in order.
Result<void> write_capture(const std::string& path, const std::vector<CapturedPacket>& packets);

}  // namespace weir::controlplane::cli
