// Each form of instruction by what it returns, against libpcap and against numbers written here;
// and the shape of the code.

#include "vm/cbpf/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/classic_filter.h"
#include "vm/cbpf/reference.h"

namespace weir::vm::cbpf {
namespace {

using Insns = std::vector<ClassicInsn>;
using tests::ConvertedFilter;

constexpr ClassicInsn kReturnA{0x16, 0, 0, 0}, kTax{0x07, 0, 0, 0}, kTxa{0x87, 0, 0, 0};
constexpr ClassicInsn ld(uint32_t k) {
    return {0x00, 0, 0, k};
}
constexpr ClassicInsn ldx(uint32_t k) {
    return {0x01, 0, 0, k};
}

Bytes counting(size_t bytes) {
    Bytes packet(bytes);
    std::iota(packet.begin(), packet.end(), uint8_t{0});
    return packet;
}

/// What every engine returns; libpcap's answer is the same.
uint32_t result_of(const Insns& insns, const Bytes& packet, uint32_t wire_bytes,
                   LengthSource length) {
    const Result<ClassicProgram> program = check(insns);
    EXPECT_TRUE(program.has_value()) << program.error().message;
    Result<ConvertedFilter> filter = ConvertedFilter::make(*program, length);
    EXPECT_TRUE(filter.has_value()) << filter.error().message;
    const uint32_t wanted = run_reference(*program, packet, wire_bytes);
    const ConvertedFilter::Results got = filter->run(packet, wire_bytes);
    EXPECT_TRUE(got.are(wanted)) << wanted << ", not " << got.interp << " " << got.jit << " "
                                 << got.burst << "\n"
                                 << tests::listing(*program, filter->spec());
    return wanted;
}

uint32_t result_of(const Insns& insns, const Bytes& packet = counting(64)) {
    return result_of(insns, packet, static_cast<uint32_t>(packet.size()),
                     LengthSource::PacketBytes);
}

ProgramSpec spec_of(const Insns& insns) {
    return convert(check(insns).value(), "filter");
}

/// Comparisons with the packet's end.
size_t packet_checks(const ProgramSpec& spec) {
    return static_cast<size_t>(std::ranges::count_if(
        spec.insns, [](const Insn& insn) { return insn.opcode == op_info(Op::kJgt64Reg).opcode; }));
}

TEST(ClassicConvert, StartsWithZeroes) {
    EXPECT_EQ(result_of({kReturnA}), 0u);
    EXPECT_EQ(result_of({kTxa, {0x04, 0, 0, 7}, kReturnA}), 7u);
}

TEST(ClassicConvert, LoadsBigEndian) {
    EXPECT_EQ(result_of({{0x20, 0, 0, 1}, kReturnA}), 0x01020304u);
    EXPECT_EQ(result_of({{0x28, 0, 0, 3}, kReturnA}), 0x0304u);
    EXPECT_EQ(result_of({{0x30, 0, 0, 63}, kReturnA}), 63u);
    EXPECT_EQ(result_of({ldx(2), {0x40, 0, 0, 1}, kReturnA}), 0x03040506u);
    EXPECT_EQ(result_of({{0xb1, 0, 0, 0x1e}, kTxa, kReturnA}), 56u);
}

TEST(ClassicConvert, ReturnsZeroPastTheEnd) {
    for (const uint32_t k : {61u, 64u, 32'767u, 32'768u, 65'535u, 0x7fffffffu, 0xffdfffffu})
        EXPECT_EQ(result_of({{0x20, 0, 0, k}, ld(9), kReturnA}), 0u) << k;
    for (const uint32_t x : {61u, 0xffffu, 0x7fffffffu, 0xfffffffcu, 0xffffffffu}) {
        EXPECT_EQ(result_of({ldx(x), {0x40, 0, 0, 0}, ld(9), kReturnA}), 0u) << x;
        EXPECT_EQ(result_of({ldx(x), {0x50, 0, 0, 5}, ld(9), kReturnA}), 0u) << x;
    }
    EXPECT_EQ(result_of({{0x30, 0, 0, 0}, ld(9), kReturnA}, {}), 0u);
    EXPECT_EQ(result_of({ld(9), kReturnA}, {}), 9u);
}

TEST(ClassicConvert, ReachesTheLastByteOfTheLongestPacket) {
    const Bytes packet = counting(65'535);
    EXPECT_EQ(result_of({{0x20, 0, 0, 65'531}, kReturnA}, packet), 0xfbfcfdfeu);
    EXPECT_EQ(result_of({ldx(65'000), {0x48, 0, 0, 533}, kReturnA}, packet), 0xfdfeu);
    EXPECT_EQ(result_of({ldx(1), {0x48, 0, 0, 40'000}, kReturnA}, packet), 0x4142u);
    EXPECT_EQ(result_of({ldx(65'000), {0x48, 0, 0, 534}, ld(1), kReturnA}, packet), 0u);
}

TEST(ClassicConvert, ComputesInThirtyTwoBits) {
    EXPECT_EQ(result_of({ld(0xffffffff), {0x04, 0, 0, 2}, kReturnA}), 1u);
    EXPECT_EQ(result_of({ld(1), {0x14, 0, 0, 2}, kReturnA}), 0xffffffffu);
    EXPECT_EQ(result_of({ld(0x10001), {0x24, 0, 0, 0x10001}, kReturnA}), 0x20001u);
    EXPECT_EQ(result_of({ld(0xfffffffe), {0x34, 0, 0, 0xffffffff}, kReturnA}), 0u);
    EXPECT_EQ(result_of({ld(0xfffffffe), {0x94, 0, 0, 0x80000000}, kReturnA}), 0x7ffffffeu);
    EXPECT_EQ(result_of({ld(5), {0x84, 0, 0, 0}, kReturnA}), 0xfffffffbu);
    EXPECT_EQ(result_of({ld(0xf0), ldx(0x3c), {0xac, 0, 0, 0}, kReturnA}), 0xccu);
}

TEST(ClassicConvert, DividesByZeroToZero) {
    for (const uint16_t code : std::initializer_list<uint16_t>{0x3c, 0x9c}) {
        EXPECT_EQ(result_of({ld(7), ldx(0), {code, 0, 0, 0}, ld(9), kReturnA}), 0u);
        EXPECT_EQ(result_of({ld(7), ldx(7), {code, 0, 0, 0}, ld(9), kReturnA}), 9u);
    }
}

TEST(ClassicConvert, ShiftsEverythingOut) {
    for (const uint16_t code : std::initializer_list<uint16_t>{0x6c, 0x7c})
        for (const uint32_t x : {32u, 33u, 64u, 0xffffffffu})
            EXPECT_EQ(result_of({ld(0xffffffff), ldx(x), {code, 0, 0, 0}, kReturnA}), 0u) << x;
    EXPECT_EQ(result_of({ld(3), ldx(31), {0x6c, 0, 0, 0}, kReturnA}), 0x80000000u);
    EXPECT_EQ(result_of({ld(0x80000000), ldx(31), {0x7c, 0, 0, 0}, kReturnA}), 1u);
}

TEST(ClassicConvert, ComparesWithoutSigns) {
    const auto holds = [](uint16_t code, uint32_t a, uint32_t k) {
        return result_of({ld(a), {code, 0, 1, k}, {0x06, 0, 0, 1}, {0x06, 0, 0, 2}}) == 1;
    };
    EXPECT_TRUE(holds(0x25, 0x80000000, 0x7fffffff));
    EXPECT_FALSE(holds(0x25, 5, 0x80000000));
    EXPECT_TRUE(holds(0x35, 0xffffffff, 0xffffffff));
    EXPECT_TRUE(holds(0x15, 0xffffffff, 0xffffffff));
    EXPECT_TRUE(holds(0x45, 0x80000001, 0x80000000));
    EXPECT_FALSE(holds(0x45, 0x7fffffff, 0x80000000));
}

TEST(ClassicConvert, KeepsScratchWords) {
    Insns insns;
    for (uint32_t word = 0; word < kScratchWords; ++word) {
        insns.push_back(ld(word + 100));
        insns.push_back({0x02, 0, 0, word});
    }
    insns.push_back({0x61, 0, 0, 15});
    insns.push_back({0x60, 0, 0, 0});
    insns.push_back({0x0c, 0, 0, 0});
    insns.push_back(kReturnA);
    EXPECT_EQ(result_of(insns), 215u);
}

TEST(ClassicConvert, TakesTheLengthFromPacketOrMetadata) {
    const Insns length = {{0x80, 0, 0, 0}, kReturnA}, index = {{0x81, 0, 0, 0}, kTxa, kReturnA};
    for (const Insns& insns : {length, index}) {
        EXPECT_EQ(result_of(insns, counting(60)), 60u);
        EXPECT_EQ(result_of(insns, counting(60), 1514, LengthSource::Metadata), 1514u);
        EXPECT_EQ(result_of(insns, {}, 0xffffffff, LengthSource::Metadata), 0xffffffffu);
    }
    // The bytes at hand decide what can be loaded, whatever the wire had.
    EXPECT_EQ(result_of({{0x30, 0, 0, 60}, kReturnA}, counting(60), 1514, LengthSource::Metadata),
              0u);
}

TEST(ClassicConvert, ComparesOnceForLoadsThatAllSucceedTogether) {
    // "ip proto 6 and the byte at 40 is 9": both loads are needed for a match.
    const Insns both = {{0x28, 0, 0, 12}, {0x15, 0, 4, 0x800}, {0x30, 0, 0, 40}, {0x15, 0, 2, 9},
                        {0x06, 0, 0, 1},  {0x06, 0, 0, 0},     {0x06, 0, 0, 0}};
    EXPECT_EQ(packet_checks(spec_of(both)), 1u);
    // A match without the second load: the first may not ask for its bytes.
    Insns either = both;
    either[6].k = 5;
    EXPECT_EQ(packet_checks(spec_of(either)), 2u);
    EXPECT_EQ(result_of(either, counting(14)), 5u);
    // Loads through one X share a comparison, too.
    const Insns indexed = {{0xb1, 0, 0, 14}, {0x48, 0, 0, 14}, {0x15, 0, 2, 80},
                           {0x48, 0, 0, 16}, kReturnA,         {0x06, 0, 0, 0}};
    EXPECT_EQ(packet_checks(spec_of(indexed)), 2u);
}

TEST(ClassicConvert, LeavesOutWhatAlwaysReturnsZero) {
    const ProgramSpec spec = spec_of({{0x30, 0, 0, 0x7fffffff}, kReturnA});
    ASSERT_EQ(spec.insns.size(), 2u);
    EXPECT_EQ(spec.insns[0].opcode, op_info(Op::kMov32Imm).opcode);
    EXPECT_EQ(spec.subprograms.size(), 1u);
}

/// 2^n paths, each with a number of its own in A and in scratch memory.
Insns many_paths(uint32_t bits) {
    Insns insns = {ld(0), {0x02, 0, 0, 1}};
    for (uint32_t bit = 0; bit < bits; ++bit) {
        insns.push_back({0x30, 0, 0, bit});
        insns.push_back({0x45, 0, 3, 1});
        insns.push_back({0x60, 0, 0, 1});
        insns.push_back({0x44, 0, 0, 1u << bit % 32});
        insns.push_back({0x02, 0, 0, 1});
    }
    insns.push_back({0x60, 0, 0, 1});
    insns.push_back(kReturnA);
    return insns;
}

TEST(ClassicConvert, StaysProvableWithManyPaths) {
    EXPECT_EQ(result_of(many_paths(6)), 0b101010u);
    EXPECT_EQ(result_of(many_paths(32)), 0xaaaaaaaau);
    const Insns most = many_paths((kInsnsMax - 4) / 5);
    const Result<ConvertedFilter> filter =
        ConvertedFilter::make(check(most).value(), LengthSource::PacketBytes);
    ASSERT_TRUE(filter.has_value()) << filter.error().message;
    EXPECT_LT(filter->visited_insns(), 100'000u);
}

TEST(ClassicConvert, TakesTheLongestProgram) {
    Insns insns = {{0x30, 0, 0, 0}, {0x15, 0, 1, 0}, {0x05, 0, 0, 0}};
    while (insns.size() + 4 <= kInsnsMax) {
        insns.push_back({0x81, 0, 0, 0});  // an X that nothing is known of: compared in full
        insns.push_back({0x40, 0, 0, 40'000});
    }
    insns[2].k = static_cast<uint32_t>(insns.size() - 3);
    insns.push_back(ld(77));
    insns.push_back(kReturnA);
    EXPECT_EQ(result_of(insns), 77u);
    Bytes other = counting(64);
    other[0] = 1;
    EXPECT_EQ(result_of(insns, other), 0u);
}

}  // namespace
}  // namespace weir::vm::cbpf
