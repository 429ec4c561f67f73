#pragma once
// A builder of packets for the lists in packets*.cc: headers front to back; lengths and checksums
// of IP are mended at the end.

#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "tests/support/packets.h"
#include "vm/base/bytes.h"

namespace weir::tests {

constexpr uint8_t kIcmp = 1, kIpip = 4, kSixIn4 = 41, kTcp = 6, kUdp = 17, kGre = 47, kIcmp6 = 58,
                  kSctp = 132;
constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kTargetOptions = 60;
constexpr uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86dd, kEtherArp = 0x0806,
                   kEtherVlan = 0x8100, kEtherQinq = 0x88a8;

class PacketBuilder {
public:
    PacketBuilder& raw(std::initializer_list<int> bytes) {
        for (const int byte : bytes) bytes_.push_back(static_cast<uint8_t>(byte));
        return *this;
    }
    PacketBuilder& be16(uint16_t value) { return raw({value >> 8, value & 0xff}); }
    PacketBuilder& be32(uint32_t value) {
        return be16(static_cast<uint16_t>(value >> 16)).be16(static_cast<uint16_t>(value));
    }
    PacketBuilder& fill(size_t count, uint8_t first = 0) {
        for (size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<uint8_t>(first + i));
        return *this;
    }
    PacketBuilder& eth(uint16_t type, bool multicast = false) {
        return raw({multicast ? 0x01 : 0x02, 0, 0x5e, 0, 0, 1, 0x02, 0, 0, 0, 0, 2}).be16(type);
    }
    PacketBuilder& vlan(uint16_t id, uint16_t type) { return be16(id).be16(type); }
    PacketBuilder& ipv4(uint8_t protocol, uint32_t source = 0x0a000001,
                        uint32_t target = 0xc0a80001, size_t option_bytes = 0,
                        uint16_t fragment = 0x4000) {
        ipv4_at_ = bytes_.size();
        raw({0x45 + static_cast<int>(option_bytes / 4), 0})
            .be16(0)
            .be16(0x1234)
            .be16(fragment)
            .raw({64, protocol})
            .be16(0);
        be32(source).be32(target);
        for (size_t i = 0; i < option_bytes; ++i) bytes_.push_back(1);
        mends_.push_back({ipv4_at_, 20 + option_bytes});
        return *this;
    }
    PacketBuilder& ipv6(uint8_t next, uint32_t net = 0x20010db8) {
        ipv6_at_.push_back(bytes_.size());
        be32(0x60000000).be16(0).raw({next, 64});
        return be32(net).fill(12, 1).be32(net).fill(12, 0x21);
    }
    PacketBuilder& extension(uint8_t next, uint8_t units) {
        return raw({next, units}).fill(6 + size_t{units} * 8);
    }
    PacketBuilder& tcp(uint16_t source, uint16_t target, uint8_t flags = 0x10) {
        return be16(source)
            .be16(target)
            .be32(1000)
            .be32(2000)
            .raw({0x50, flags})
            .be16(8192)
            .be16(0)
            .be16(0);
    }
    PacketBuilder& udp(uint16_t source, uint16_t target, uint16_t payload) {
        return be16(source)
            .be16(target)
            .be16(static_cast<uint16_t>(8 + payload))
            .be16(0)
            .fill(payload, 0x30);
    }
    Bytes build() {
        for (const size_t at : ipv6_at_) put16(at + 4, bytes_.size() - at - 40);
        for (const auto& [at, header] : mends_) {
            put16(at + 2, bytes_.size() - at);
            put16(at + 10, checksum(at, header));
        }
        return bytes_;
    }

private:
    void put16(size_t at, size_t value) {
        bytes_[at] = static_cast<uint8_t>(value >> 8);
        bytes_[at + 1] = static_cast<uint8_t>(value);
    }
    uint16_t checksum(size_t at, size_t length) const {
        uint32_t sum = 0;
        for (size_t i = 0; i < length; i += 2)
            sum += static_cast<uint32_t>(bytes_[at + i] << 8 | bytes_[at + i + 1]);
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return static_cast<uint16_t>(~sum);
    }

    struct Mend {
        size_t at, header_bytes;
    };
    Bytes bytes_;
    size_t ipv4_at_ = 0;
    std::vector<Mend> mends_;
    std::vector<size_t> ipv6_at_;
};

using Packets = std::vector<TestPacket>;

void add_tunnels(Packets& packets);    // packets_tunnels.cc
void add_malformed(Packets& packets);  // packets_malformed.cc

}  // namespace weir::tests
