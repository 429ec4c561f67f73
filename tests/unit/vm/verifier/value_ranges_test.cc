// The ranges of operands and the map facts that a proof hands to the JIT. Runs of generated and of
// the corpus' programs are held against them elsewhere (tests/differential).

#include <gtest/gtest.h>

#include "vm/isa/assemble.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {
namespace {

MapSpec make_map(const char* name, MapType type, uint32_t key_bytes) {
    MapSpec map;
    map.name = name;
    map.type = type;
    map.key_bytes = key_bytes;
    map.value_bytes = 8;
    map.entries_max = 4;
    return map;
}

ProgramSpec program_of(std::string_view text) {
    ProgramSpec program;
    program.name = "test";
    const auto insns = assemble(text);
    EXPECT_TRUE(insns) << insns.error().message;
    if (insns) program.insns = *insns;
    program.subprograms = {{"test", 0}};
    program.maps = {make_map("narrow", MapType::Hash, 4), make_map("wide", MapType::Hash, 16),
                    make_map("twin", MapType::Hash, 4)};
    return program;
}

std::vector<InsnFact> facts_of(const ProgramSpec& program) {
    const auto proof = verify(program);
    EXPECT_TRUE(proof) << proof.error().message;
    return proof ? proof->facts : std::vector<InsnFact>(program.insns.size());
}

std::vector<InsnFact> facts_of(std::string_view text) {
    return facts_of(program_of(text));
}

constexpr ValueRange kAny;

TEST(ValueRanges, KnowsConstantsMasksAndWidths) {
    const auto facts = facts_of(
        "r2 = *(u32 *)(r1 + 12)\nr3 = 7\nr2 &= 63\nr2 <<= 2\nr4 = r2\nr4 /= r3\n"
        "r0 = 0\nexit");
    EXPECT_EQ(facts[2].dst, kAny);  // a field of the context
    EXPECT_EQ(facts[3].dst, (ValueRange{0, 63}));
    EXPECT_EQ(facts[4].src, (ValueRange{0, 252}));
    EXPECT_EQ(facts[5].dst, (ValueRange{0, 252}));
    EXPECT_EQ(facts[5].src, (ValueRange{7, 7}));
}

TEST(ValueRanges, LoadsAreAsWideAsTheyAre) {
    const auto facts = facts_of(
        "*(u64 *)(r10 - 8) = 300\nr2 = *(u8 *)(r10 - 8)\nr3 = *(u16 *)(r10 - 8)\n"
        "r4 = *(s8 *)(r10 - 8)\nr2 += 0\nr3 += 0\nr4 += 0\nr0 = 0\nexit");
    EXPECT_EQ(facts[4].dst, (ValueRange{0, 255}));
    EXPECT_EQ(facts[5].dst, (ValueRange{0, 65535}));
    EXPECT_EQ(facts[6].dst, kAny);  // negative ones are great
}

TEST(ValueRanges, LearnsFromBranches) {
    const auto facts = facts_of(
        "call 7\nr6 = r0\nif r6 == 0 goto out\nif r6 > 1500 goto out\nr0 = 9\nr0 /= r6\n"
        "out: r6 += 0\nr0 = 0\nexit");
    EXPECT_EQ(facts[5].src, (ValueRange{1, 1500}));
    EXPECT_EQ(facts[6].dst, kAny);
}

TEST(ValueRanges, JoinsWhereWaysMeet) {
    const auto facts = facts_of(
        "call 7\nr6 = 3\nif r0 == 1 goto on\nr6 = 11\non: r7 = 100\nr7 %= r6\nr0 = 0\nexit");
    EXPECT_EQ(facts[5].src, (ValueRange{3, 11}));
}

/// The walk ends the second way where it meets the first, as nothing relies on r6: what the second
/// holds counts nevertheless.
TEST(ValueRanges, HoldOnWaysThatTheWalkLeavesOut) {
    const auto facts = facts_of(
        "call 7\nr6 = 1\nr8 = 0\nif r0 == 1 goto on\nr6 = 100000\non: r8 += 1\nif r0 == 2 goto a\n"
        "r8 += 1\na: if r0 == 3 goto b\nr8 += 1\nb: r8 += r6\nr0 = 0\nexit");
    EXPECT_EQ(facts[10].src, (ValueRange{1, 100000}));
}

TEST(ValueRanges, WidensInLoops) {
    const auto facts = facts_of(
        "r6 = 0\nr7 = 0\nagain: r7 += 3\nr6 += 1\nif r6 < 1000 goto again\nr7 += 0\nr0 = 0\nexit");
    EXPECT_LE(facts[3].dst.most, 999u);
    EXPECT_EQ(facts[3].dst.least, 0u);
    EXPECT_EQ(facts[4].dst.least, 1u);
}

TEST(ValueRanges, CallsLeaveNothingOfArguments) {
    const auto facts = facts_of("r1 = 5\nr6 = 6\ncall 7\nr6 += r0\nr2 = 8\nr2 += r6\nr0 = 0\nexit");
    EXPECT_EQ(facts[3].dst, (ValueRange{6, 6}));
    EXPECT_EQ(facts[3].src, kAny);
}

TEST(MapFacts, NameTheMapAndItsKeySize) {
    const auto facts = facts_of(
        "*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -16\nr1 = map[1] ll\n"
        "call 1\nr0 = 0\nexit");
    EXPECT_EQ(facts[6].map, 1u);
    EXPECT_EQ(facts[6].key_bytes, 16u);
}

TEST(MapFacts, KeepOfTwoMapsWhatTheyHaveInCommon) {
    const auto facts_with = [](int other) {
        return facts_of(
            "call 7\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\n"
            "r2 += -16\nr1 = map[0] ll\nif r0 == 1 goto on\nr1 = map[" +
            std::to_string(other) + "] ll\non: call 1\nr0 = 0\nexit");
    };
    const auto same_size = facts_with(2), other_size = facts_with(1);
    EXPECT_EQ(same_size[10].map, InsnFact::kUnknownMap);
    EXPECT_EQ(same_size[10].key_bytes, 4u);
    EXPECT_EQ(other_size[10].map, InsnFact::kUnknownMap);
    EXPECT_EQ(other_size[10].key_bytes, 0u);
}

TEST(MapFacts, NameTheMapOfAnAccessToItsValues) {
    const auto facts_with = [](int other) {
        return facts_of(
            "call 7\nr6 = r0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\n"
            "r2 += -16\nr1 = map[0] ll\nif r6 == 1 goto on\nr1 = map[" +
            std::to_string(other) +
            "] ll\non: call 1\nif r0 == 0 goto out\nr1 = *(u8 *)(r0 + 0)\n"
            "*(u8 *)(r0 + 0) = 1\nout: r0 = 0\nexit");
    };
    const auto one = facts_with(0), two = facts_with(2);
    ASSERT_EQ(one[13].access, PointerKind::MapValue);
    EXPECT_EQ(one[13].map, 0u);
    EXPECT_EQ(one[14].map, 0u);
    ASSERT_EQ(two[13].access, PointerKind::MapValue);
    EXPECT_EQ(two[13].map, InsnFact::kUnknownMap);
    EXPECT_EQ(two[14].map, InsnFact::kUnknownMap);
}

TEST(MapFacts, TellWhatMayBeAMapsValueAmongTheArgumentsOfACall) {
    const auto facts = facts_of(
        "*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -16\nr1 = map[1] ll\n"
        "call 1\nif r0 == 0 goto out\nr2 = r0\nr1 = map[0] ll\ncall 1\nout: r0 = 0\nexit");
    ASSERT_EQ(facts[6].map, 1u);
    EXPECT_FALSE(facts[6].passes_shared_memory);
    ASSERT_EQ(facts[11].map, 0u);
    EXPECT_TRUE(facts[11].passes_shared_memory);
}

TEST(MapFacts, TellWhetherAccessesToValuesAreAlwaysAligned) {
    const auto facts = facts_of(
        "call 7\nr6 = r0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map[0] ll\ncall 1\n"
        "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 4)\nr1 = *(u32 *)(r0 + 2)\nr6 &= 4\nr7 = r0\n"
        "r7 += r6\nr1 = *(u32 *)(r7 + 0)\nif r6 == 0 goto on\nr0 += 1\n"
        "on: *(u8 *)(r0 + 1) = 1\n*(u16 *)(r0 + 2) = 1\nout: r0 = 0\nexit");
    const auto at = [&](size_t slot) {
        EXPECT_EQ(facts[slot].access, PointerKind::MapValue) << slot;
        return facts[slot].is_aligned;
    };
    EXPECT_TRUE(at(9));
    EXPECT_FALSE(at(10));
    EXPECT_TRUE(at(14));
    EXPECT_TRUE(at(17));
    EXPECT_FALSE(at(18));
}

}  // namespace
}  // namespace weir::vm
