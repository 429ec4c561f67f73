#pragma once
// Frames of flows, for tests of what tells flows apart.

#include <arpa/inet.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace weir::dataplane::testing {

using Frame = std::vector<uint8_t>;

inline Frame join(std::initializer_list<Frame> parts) {
    Frame joined;
    for (const Frame& part : parts) joined.insert(joined.end(), part.begin(), part.end());
    return joined;
}

inline Frame be16(uint16_t value) {
    return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

/// 4 or 16 bytes.
inline Frame address(const std::string& text) {
    const bool is_v6 = text.find(':') != std::string::npos;
    Frame bytes(is_v6 ? 16 : 4);
    inet_pton(is_v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data());
    return bytes;
}

struct Flow {
    std::string source, destination;
    uint16_t source_port = 0, destination_port = 0;
    Flow back() const { return {destination, source, destination_port, source_port}; }
};

inline Frame ports(const Flow& flow) {
    return join({be16(flow.source_port), be16(flow.destination_port)});
}

/// An IP packet of the addresses' family.
inline Frame ip(const Flow& flow, uint8_t protocol, const Frame& payload) {
    const Frame source = address(flow.source), destination = address(flow.destination);
    if (source.size() == 4) {
        const Frame length = be16(static_cast<uint16_t>(20 + payload.size()));
        return join(
            {{0x45, 0}, length, {0, 1, 0, 0, 64, protocol, 0, 0}, source, destination, payload});
    }
    const Frame length = be16(static_cast<uint16_t>(payload.size()));
    return join({{0x60, 0, 0, 0}, length, {protocol, 64}, source, destination, payload});
}

inline Frame ethernet(const Frame& packet) {
    const uint16_t type = packet[0] >> 4 == 6 ? 0x86dd : 0x0800;
    return join({{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}, be16(type), packet});
}

}  // namespace weir::dataplane::testing
