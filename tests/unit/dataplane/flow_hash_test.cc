#include "dataplane/flow_hash.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/dataplane/flow_frames.h"

namespace weir::dataplane {
namespace {

using namespace testing;

/// Microsoft, "Verifying the RSS hash calculation": the key and its vectors.
constexpr std::array<uint8_t, 40> kPublishedKey = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct Vector {
    const char* destination;
    uint16_t destination_port;
    const char* source;
    uint16_t source_port;
    uint32_t by_addresses, by_ports;
};

constexpr Vector kVectors[] = {
    {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
    {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
    {"12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
    {"209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
    {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
    {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
    {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
    {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985,
     0x02d1feef},
};

Frame tuple_of(const Vector& vector) {
    return join({address(vector.source), address(vector.destination), be16(vector.source_port),
                 be16(vector.destination_port)});
}

TEST(ToeplitzHash, GivesThePublishedHashes) {
    for (const Vector& vector : kVectors) {
        Frame tuple = tuple_of(vector);
        EXPECT_EQ(toeplitz_hash(kPublishedKey, tuple), vector.by_ports) << vector.destination;
        tuple.resize(tuple.size() - 4);
        EXPECT_EQ(toeplitz_hash(kPublishedKey, tuple), vector.by_addresses) << vector.destination;
    }
}

uint16_t hash(const Frame& frame) {
    FragmentedPairs fragmented;
    return flow_hash(frame, fragmented);
}

TEST(FlowHash, IsToeplitzOfAddressesAndPortsWithTheSymmetricKey) {
    for (const Vector& vector : kVectors) {
        const Flow flow{vector.source, vector.destination, vector.source_port,
                        vector.destination_port};
        const uint32_t whole = toeplitz_hash(kSymmetricKey, tuple_of(vector));
        EXPECT_EQ(whole >> 16, whole & 0xffff);
        for (const uint8_t protocol : std::initializer_list<uint8_t>{6, 17, 33, 132, 136})
            for (const size_t padded : std::initializer_list<size_t>{38, 60, 64}) {
                Frame frame = ethernet(ip(flow, protocol, ports(flow)));
                frame.resize(std::max(frame.size(), padded), 0xee);
                EXPECT_EQ(hash(frame), whole >> 16) << int{protocol} << ", " << frame.size();
            }
        Frame addresses = tuple_of(vector);
        addresses.resize(addresses.size() - 4);
        EXPECT_EQ(hash(ethernet(ip(flow, 1, ports(flow)))),
                  toeplitz_hash(kSymmetricKey, addresses) >> 16);
    }
}

TEST(FlowHash, IsTheSameInBothDirections) {
    for (const Vector& vector : kVectors) {
        const Flow there{vector.source, vector.destination, vector.source_port,
                         vector.destination_port};
        EXPECT_EQ(hash(ethernet(ip(there, 6, ports(there)))),
                  hash(ethernet(ip(there.back(), 6, ports(there.back())))));
    }
    const Frame arp = join({{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 9}, be16(0x0806), Frame(28)});
    const Frame back = join({{2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 1}, be16(0x0806), Frame(28)});
    const Frame other = join({{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 7}, be16(0x0806), Frame(28)});
    EXPECT_EQ(hash(arp), hash(back));
    EXPECT_NE(hash(arp), hash(other));
}

TEST(FlowHash, PassesOverTagsAndTunnels) {
    const Flow flow{"10.1.2.3", "192.0.2.9", 40001, 443};
    const Flow outer{"198.51.100.1", "198.51.100.2", 50000, 4789};
    const Frame inner = ip(flow, 6, ports(flow));
    const uint16_t expected = hash(ethernet(inner));
    const Frame frame = ethernet(inner);
    const auto in_udp = [&](uint16_t port, const Frame& header, const Frame& payload) {
        Flow tunnel = outer;
        tunnel.destination_port = port;
        return ethernet(ip(tunnel, 17, join({ports(tunnel), Frame(4), header, payload})));
    };
    const Frame macs(12, 2);
    const Frame tag = {0x00, 0x64};
    EXPECT_EQ(hash(join({macs, be16(0x8100), tag, be16(0x0800), inner})), expected);
    EXPECT_EQ(hash(join({macs, be16(0x88a8), tag, be16(0x8100), tag, be16(0x0800), inner})),
              expected);
    EXPECT_EQ(hash(join({macs, be16(0x8847), {0, 1, 0x00, 9}, {0, 2, 0x01, 9}, inner})), expected);
    EXPECT_EQ(hash(join({macs, be16(0x8864), {0x11, 0, 0, 1, 0, 60}, be16(0x0021), inner})),
              expected);
    EXPECT_EQ(hash(ethernet(ip(outer, 4, inner))), expected);
    EXPECT_EQ(hash(ethernet(ip(outer, 47, join({{0, 0}, be16(0x0800), inner})))), expected);
    EXPECT_EQ(hash(ethernet(ip(outer, 47, join({{0x20, 0}, be16(0x6558), Frame(4, 7), frame})))),
              expected);
    EXPECT_EQ(hash(in_udp(4789, {8, 0, 0, 0, 0, 0, 5, 0}, frame)), expected);
    EXPECT_EQ(hash(in_udp(6081, {0x01, 0, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 3, 4}, frame)), expected);
    EXPECT_EQ(hash(in_udp(2152, {0x30, 255, 0, 44, 0, 0, 0, 1}, inner)), expected);
    // What is in a tunnel and is no IP goes by the tunnel's own flow.
    EXPECT_EQ(hash(in_udp(4789, Frame(8), join({macs, be16(0x0806), Frame(28)}))),
              hash(ethernet(ip(outer, 17, ports(outer)))));
}

TEST(FlowHash, LooksBehindExtensionHeadersOfIpv6) {
    const Flow flow{"2001:db8::1", "2001:db8:1::2", 1234, 80};
    const uint16_t expected = hash(ethernet(ip(flow, 6, ports(flow))));
    const Frame options = {6, 0, 1, 4, 0, 0, 0, 0};
    EXPECT_EQ(hash(ethernet(ip(flow, 60, join({options, ports(flow)})))), expected);
    EXPECT_EQ(hash(ethernet(ip(flow, 0, join({{60, 0, 1, 4, 0, 0, 0, 0}, options, ports(flow)})))),
              expected);
    const Frame authentication = {6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
    EXPECT_EQ(hash(ethernet(ip(flow, 51, join({authentication, ports(flow)})))), expected);
    // A fragment header of a packet that is whole (RFC 6946).
    EXPECT_EQ(hash(ethernet(ip(flow, 44, join({{6, 0, 0, 0, 0, 0, 0, 7}, ports(flow)})))),
              expected);
}

TEST(FlowHash, KeepsFragmentsAndTheirFlowTogether) {
    const Flow flow{"10.0.0.1", "10.0.0.2", 5000, 53};
    const Flow sibling{"10.0.0.1", "10.0.0.2", 5003, 53};
    Frame whole = ethernet(ip(flow, 17, ports(flow)));
    whole.resize(64);
    Frame first = whole, later = whole;
    first[14 + 6] = 0x20;
    later[14 + 7] = 0xb9;
    std::fill(later.begin() + 34, later.end(), uint8_t{0xee});
    FragmentedPairs fragmented;
    const uint16_t before = flow_hash(whole, fragmented);
    EXPECT_NE(before, flow_hash(ethernet(ip(sibling, 17, ports(sibling))), fragmented));
    const uint16_t by_addresses = flow_hash(first, fragmented);
    EXPECT_EQ(flow_hash(later, fragmented), by_addresses);
    EXPECT_EQ(flow_hash(whole, fragmented), by_addresses);
    EXPECT_EQ(flow_hash(ethernet(ip(flow.back(), 17, ports(flow.back()))), fragmented),
              by_addresses);
    const Flow stranger{"10.0.0.1", "10.0.0.3", 5000, 53};
    EXPECT_EQ(flow_hash(ethernet(ip(stranger, 17, ports(stranger))), fragmented),
              hash(ethernet(ip(stranger, 17, ports(stranger)))));

    const Flow six{"2001:db8::1", "2001:db8::5", 5000, 53};
    const Frame more = ethernet(ip(six, 44, join({{17, 0, 0, 1, 0, 0, 0, 7}, ports(six)})));
    const Frame last = ethernet(ip(six, 44, join({{17, 0, 5, 0, 0, 0, 0, 7}, Frame(24, 3)})));
    EXPECT_EQ(flow_hash(more, fragmented), flow_hash(last, fragmented));
    EXPECT_EQ(flow_hash(more, fragmented),
              flow_hash(ethernet(ip(six, 17, ports(six))), fragmented));
}

/// The worst of `workers` gets at most a quarter more than its share.
void expect_even(const std::vector<Flow>& flows, uint8_t protocol) {
    for (const uint32_t workers : {2u, 3u, 8u}) {
        std::vector<size_t> counts(workers);
        for (const Flow& flow : flows)
            ++counts[worker_of(hash(ethernet(ip(flow, protocol, ports(flow)))), workers)];
        for (const size_t count : counts)
            EXPECT_LE(count * workers, flows.size() * 5 / 4) << workers << " workers";
    }
}

TEST(FlowHash, SpreadsFlowsEvenly) {
    std::vector<Flow> clients, connections, random;
    std::mt19937 numbers(7);
    const auto dotted = [](uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
        return std::to_string(a) + "." + std::to_string(b) + "." + std::to_string(c) + "." +
               std::to_string(d);
    };
    for (uint32_t i = 0; i < 4096; ++i) {
        clients.push_back({dotted(10, 0, i / 256, i % 256), "192.0.2.1", 50000, 443});
        connections.push_back({"10.0.0.1", "192.0.2.1", static_cast<uint16_t>(32768 + i), 443});
        const auto byte = [&] { return static_cast<uint32_t>(numbers() % 256); };
        random.push_back({dotted(1 + byte() % 200, byte(), byte(), byte()),
                          dotted(1 + byte() % 200, byte(), byte(), byte()),
                          static_cast<uint16_t>(numbers()), static_cast<uint16_t>(numbers())});
    }
    expect_even(clients, 17);
    expect_even(connections, 6);
    expect_even(random, 6);
}

TEST(FlowHash, TakesAnyBytes) {
    std::mt19937 numbers(11);
    const Flow outer{"198.51.100.1", "2001:db8::1", 50000, 4789};
    std::vector<Frame> seeds = {Frame(64)};
    for (const char* source : {"198.51.100.1", "2001:db8::1"}) {
        const Flow flow{source, source, 50000, 4789};
        for (const uint8_t protocol :
             std::initializer_list<uint8_t>{0, 4, 41, 43, 44, 47, 51, 60, 17})
            seeds.push_back(ethernet(ip(flow, protocol, join({ports(flow), Frame(60, 6)}))));
    }
    FragmentedPairs fragmented;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 200'000; ++i) {
        Frame frame = seeds[i % seeds.size()];
        for (uint32_t change = 0; change < 3; ++change)
            frame[numbers() % frame.size()] = static_cast<uint8_t>(numbers());
        frame.resize(numbers() % (frame.size() + 1));
        frame.shrink_to_fit();  // so that a sanitizer sees a read behind the end
        sum += flow_hash(frame, fragmented);
    }
    EXPECT_NE(sum, 0u);
}

}  // namespace
}  // namespace weir::dataplane
