#pragma once
// Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, appended to `out`. Times in
// nanoseconds since 1970. Texts are cut to what an option holds.

#include <cstdint>
#include <string_view>

#include "vm/base/bytes.h"

namespace weir::dataplane::capture {

struct InterfaceBlock {
    std::string_view name, description;
    std::string_view filter;  ///< pcap expression; empty: none
    uint32_t snap_bytes = 0;
};

struct PacketBlock {
    uint32_t interface = 0;
    uint64_t time_ns = 0;
    ByteSpan bytes;
    uint32_t wire_bytes = 0;
    bool outbound = false;
    uint64_t packet_id = 0;
    uint32_t queue = 0;
    const uint8_t* verdict = nullptr;  ///< XdpVerdict; nullptr: none
    std::string_view comment;
};

struct StatisticsBlock {
    uint32_t interface = 0;
    uint64_t begin_ns = 0, end_ns = 0;
    uint64_t accepted = 0;  ///< what was asked for
    uint64_t dropped = 0;   ///< of these, what is not in the file
};

/// Begins a file.
void append_section(Bytes& out, std::string_view application);
/// Its number is how many came before it. Ethernet.
void append_interface(Bytes& out, const InterfaceBlock& block);
void append_packet(Bytes& out, const PacketBlock& block);
void append_statistics(Bytes& out, const StatisticsBlock& block);

}  // namespace weir::dataplane::capture
