#include "perf/micro/jit/frames.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

namespace weir::perf {
namespace {

constexpr size_t kIpAt = 14, kTotalLengthAt = 16, kProtocolAt = 23, kChecksumAt = 24,
                 kSourceAt = 26, kDestinationAt = 30, kPortsAt = 34, kPayloadAt = 54;
constexpr uint8_t kTcp = 6, kUdp = 17;
constexpr uint32_t kOtherFlows = 500, kRoutes = 1000;

void put_be16(uint8_t* at, uint32_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

void put_checksum(uint8_t* ip) {
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(ip[i]) << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put_be16(ip + kChecksumAt - kIpAt, ~(sum + (sum >> 16)));
}

template <typename... T>
std::vector<uint8_t> bytes_of(const T&... parts) {
    std::vector<uint8_t> bytes((sizeof parts + ...));
    uint8_t* at = bytes.data();
    ((std::memcpy(at, &parts, sizeof parts), at += sizeof parts), ...);
    return bytes;
}

/// struct flow of programs.bpf.c.
std::vector<uint8_t> flow_key(const std::array<uint8_t, kFrameBytes>& frame) {
    std::array<uint8_t, 12> addresses_and_ports;
    std::copy_n(frame.begin() + kSourceAt, addresses_and_ports.size(), addresses_and_ports.begin());
    return bytes_of(addresses_and_ports, uint32_t{frame[kProtocolAt]});
}

void add_flows(std::vector<MapEntry>& entries) {
    for (uint32_t i = 0; i < kFrameCount; i += 2)
        entries.push_back({"verdicts", flow_key(frame_of(i)), bytes_of(uint64_t{vm::XDP_DROP})});
    for (uint32_t i = 0; i < kOtherFlows; ++i) {
        const std::array<uint32_t, 4> key = {i, i * 7, i * 13, kTcp};
        entries.push_back({"verdicts", bytes_of(key), bytes_of(uint64_t{vm::XDP_TX})});
    }
}

void add_routes(std::vector<MapEntry>& entries) {
    std::set<std::pair<uint32_t, uint32_t>> known;
    const auto add = [&](uint32_t bits, uint32_t address, uint64_t verdict) {
        address &= ~uint32_t{0} << (32 - bits);
        if (!known.emplace(bits, address).second) return;
        // struct prefix of programs.bpf.c.
        entries.push_back(
            {"routes", bytes_of(bits, __builtin_bswap32(address)), bytes_of(verdict)});
    };
    for (uint32_t i = 0; i < kFrameCount; i += 4) {
        uint32_t address_be32;
        std::memcpy(&address_be32, frame_of(i).data() + kDestinationAt, sizeof address_be32);
        add(16 + i / 4 % 3 * 8, __builtin_bswap32(address_be32), vm::XDP_TX);
    }
    std::mt19937 random(1);
    while (known.size() < kRoutes) {
        const auto address = static_cast<uint32_t>(random());
        add(8 + address % 17, address, vm::XDP_PASS);
    }
}

}  // namespace

std::array<uint8_t, kFrameBytes> frame_of(uint32_t number) {
    constexpr std::array<uint32_t, 8> kPorts = {443, 8080, 80, 53, 6003, 8080, 50000, 22};
    std::array<uint8_t, kFrameBytes> frame{};
    uint8_t* const data = frame.data();
    std::memset(data, 2, 12);
    put_be16(data + 12, 0x0800);
    data[kIpAt] = 0x45;
    put_be16(data + kTotalLengthAt, kFrameBytes - kIpAt);
    data[kIpAt + 8] = 64;
    data[kProtocolAt] = number % 4 == 3 ? kUdp : kTcp;
    const std::array<uint8_t, 8> addresses = {10,
                                              static_cast<uint8_t>(1 + number % 5),
                                              static_cast<uint8_t>(number * 11 % 160),
                                              7,
                                              static_cast<uint8_t>(20 + number * 37 % 200),
                                              18,
                                              static_cast<uint8_t>(number * 53),
                                              static_cast<uint8_t>(number)};
    std::ranges::copy(addresses, data + kSourceAt);
    put_be16(data + kPortsAt, 40000 + number);
    put_be16(data + kPortsAt + 2, kPorts[number * 5 / 3 % kPorts.size()]);
    put_checksum(data + kIpAt);
    if (number == 13) data[kChecksumAt] ^= 1;
    std::fill(data + kPayloadAt, data + kFrameBytes, static_cast<uint8_t>('a' + number % 26));
    if (number % 8 == 7) std::memcpy(data + kPayloadAt + 40, "\r\n\r\n", 4);
    return frame;
}

FrameSet::FrameSet() {
    for (uint32_t i = 0; i < kFrameCount; ++i) {
        uint8_t* const start = memory_[i].bytes.data();
        uint8_t* const data = start + kFrameHeadroomBytes;
        std::ranges::copy(frame_of(i), data);
        contexts_[i] = {data, data + kFrameBytes, data, start, data + kFrameBytes, 1, 0, 0};
    }
}

std::vector<MapEntry> map_contents() {
    std::vector<MapEntry> entries;
    add_flows(entries);
    add_routes(entries);
    return entries;
}

}  // namespace weir::perf
