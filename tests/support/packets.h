#pragma once
// Packets made in code: every layer that programs parse, well formed and cut. The same list in
// every run.

#include <span>
#include <string>
#include <vector>

#include "vm/base/bytes.h"
#include "vm/base/result.h"

namespace weir::tests {

struct TestPacket {
    std::string name;
    Bytes bytes;
};

/// At least 150 packets of 14 to 3,500 bytes, names unique.
std::vector<TestPacket> test_packets();
/// Bytes alone, as engines take them.
std::vector<Bytes> bytes_of(const std::vector<TestPacket>& packets);
/// For programs of xdp.frags: 14 to 9,600 bytes, around every border of the kernel's pieces.
std::vector<TestPacket> jumbo_packets();
/// Frames that are no Ethernet frames: 1 to 13 bytes.
std::vector<TestPacket> runt_packets();

/// A classic pcap with one second between packets, the first at 1 s.
Result<void> write_pcap(const std::string& path, std::span<const TestPacket> packets);

}  // namespace weir::tests
