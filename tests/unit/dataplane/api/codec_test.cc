#include "dataplane/api/codec.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/api/generate.h"

namespace weir::dataplane::api {
namespace {

template <typename Message>
class EveryMessage : public testing::Test {};

using Messages = testing::Types<Empty, Status, Configure, MapCreate, MapCreated, MapList, MapLookup,
                                MapLookupReply, MapUpdate, MapErase, MapCount, MapDump, MapElements,
                                ProgramLoad, ProgramLoaded, Publish, Published, ProgramList, Stats,
                                ErrorReply, TraceStart, TracePoll, TracedPackets, ReadProgram,
                                ProgramText, RoutesRead, BypassRequest, BypassState, SwapTimes>;
TYPED_TEST_SUITE(EveryMessage, Messages);

TYPED_TEST(EveryMessage, ComesBackAsItWas) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        const Bytes body = encode(generate<TypeParam>(seed));
        const Result<TypeParam> back = decode<TypeParam>(body);
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(encode(*back), body);
    }
}

TYPED_TEST(EveryMessage, CutAnywhereIsRefusedWithAnOffset) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
        const Bytes body = encode(generate<TypeParam>(seed));
        for (size_t length = 0; length < body.size(); ++length) {
            const Result<TypeParam> back = decode<TypeParam>(ByteSpan(body).first(length));
            ASSERT_FALSE(back) << "cut at " << length << " of " << body.size();
            EXPECT_NE(back.error().message.find("at offset "), std::string::npos)
                << back.error().message;
        }
    }
}

TYPED_TEST(EveryMessage, WithFlippedBitsIsRefusedOrIsAMessage) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
        Bytes body = encode(generate<TypeParam>(seed));
        for (size_t bit = 0; bit < body.size() * 8; ++bit) {
            body[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
            const Result<TypeParam> back = decode<TypeParam>(body);
            if (back) {
                const Result<TypeParam> again = decode<TypeParam>(encode(*back));
                EXPECT_TRUE(again) << again.error().message;
            }
            body[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
        }
    }
}

TYPED_TEST(EveryMessage, WithBytesLeftOverIsRefused) {
    Bytes body = encode(generate<TypeParam>(1));
    body.push_back(0);
    const Result<TypeParam> back = decode<TypeParam>(body);
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().message.find("1 bytes left over"), std::string::npos)
        << back.error().message;
}

TEST(Encode, KeepsEveryFieldOfConfigure) {
    Configure message;
    message.lcores = {2, 3};
    message.workers_max = 4;
    message.idle = IdleMode::Poll;
    message.hugepages = HugepageMode::Required;
    message.memory_bytes = 1u << 30;
    message.jit_harden = true;
    message.jit_symbols = SymbolMode::Gdb;
    message.ports = {
        {"wan", "net_null0", PassKind::Port, "lan", FailMode::Open, 7, 2, 1500, 512, false}};
    const Result<Configure> back = decode<Configure>(encode(message));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->lcores, message.lcores);
    EXPECT_EQ(back->workers_max, 4u);
    EXPECT_EQ(back->idle, IdleMode::Poll);
    EXPECT_EQ(back->hugepages, HugepageMode::Required);
    EXPECT_EQ(back->memory_bytes, 1u << 30);
    EXPECT_TRUE(back->jit_harden);
    EXPECT_EQ(back->jit_symbols, SymbolMode::Gdb);
    ASSERT_EQ(back->ports.size(), 1u);
    const PortConfig& port = back->ports[0];
    EXPECT_EQ(port.name, "wan");
    EXPECT_EQ(port.device, "net_null0");
    EXPECT_EQ(port.pass, PassKind::Port);
    EXPECT_EQ(port.pass_port, "lan");
    EXPECT_EQ(port.fail, FailMode::Open);
    EXPECT_EQ(port.ifindex, 7u);
    EXPECT_EQ(port.queues, 2u);
    EXPECT_EQ(port.mtu, 1500u);
    EXPECT_EQ(port.rx_descriptors, 512u);
    EXPECT_FALSE(port.promiscuous);
}

TEST(Encode, KeepsEveryFieldOfCounters) {
    Stats message;
    Counters& port = message.ports["wan"];
    port = {1, 2, 3, 4, 5, 6, 7, 8, {{"program", 9}}, {{"XDP_PASS", 10}}};
    const Result<Stats> back = decode<Stats>(encode(message));
    ASSERT_TRUE(back);
    const Counters& read = back->ports.at("wan");
    EXPECT_EQ(read.rx, 1u);
    EXPECT_EQ(read.rx_bytes, 2u);
    EXPECT_EQ(read.tx, 3u);
    EXPECT_EQ(read.tx_bytes, 4u);
    EXPECT_EQ(read.to_kernel, 5u);
    EXPECT_EQ(read.cloned, 6u);
    EXPECT_EQ(read.generated, 7u);
    EXPECT_EQ(read.in_flight, 8u);
    EXPECT_EQ(read.drops.at("program"), 9u);
    EXPECT_EQ(read.verdicts.at("XDP_PASS"), 10u);
}

TEST(Decode, NamesTheFieldInsideAList) {
    Configure message;
    message.ports.resize(3);
    message.ports[2].name = std::string(kNameBytesMax + 1, 'x');
    const Result<Configure> back = decode<Configure>(encode(message));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(back.error().message.substr(0, 27), "ports[2].name at offset 102")
        << back.error().message;
    EXPECT_NE(back.error().message.find("129 bytes, at most 128"), std::string::npos)
        << back.error().message;
}

TEST(Decode, RefusesACountThatTheBodyCannotHold) {
    ByteWriter writer;
    writer.write(uint32_t{1});        // map
    writer.write(kBatchElementsMax);  // keys
    const Result<MapErase> back = decode<MapErase>(writer.bytes());
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().message, "keys at offset 4: 4096 elements, but 0 bytes are left");
}

TEST(Decode, RefusesACountAboveTheBound) {
    ByteWriter writer;
    writer.write(uint32_t{1});
    writer.write(kBatchElementsMax + 1);
    const Result<MapErase> back = decode<MapErase>(writer.bytes());
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().message, "keys at offset 4: 4097 elements, at most 4096");
}

TEST(Decode, RefusesAnEnumThatHasNoName) {
    Bytes body = encode(Configure{});
    body[8] = 3;  // after lcores' count and workers_max
    const Result<Configure> back = decode<Configure>(body);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().message, "idle at offset 8: 3, at most 2");
}

}  // namespace
}  // namespace weir::dataplane::api
