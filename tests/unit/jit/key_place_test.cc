// Keys of which machine code believes to know bytes: a wrong belief is a wrong look-up.

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/jit/lookup_programs.h"

namespace weir::tests {
namespace {

using vm::MapType;
using vm::Op;

constexpr int32_t kLookup = 1, kLoadBytes = 189;
constexpr int16_t kKey = -16;

/// r6 = context, r7 = packet of at least 64 bytes, r8 = address of the key.
InsnWriter begin() {
    InsnWriter w;
    w.mov_reg(6, 1).put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, 64);
    w.put(Op::kJle64Reg, 3, 2, 2).mov(0, 0).exit();
    w.mov_reg(8, 10).add(8, kKey);
    return w;
}

std::vector<vm::Insn> look_up_and_end(InsnWriter w) {
    w.load_map(1, 0).mov_reg(2, 10).add(2, kKey).call(kLookup);
    put_null_check(w, NullCheck::kEqual);
    return w.insns();
}

/// Puts what the program will look for into the map, and something else beside it, and asks.
void expect_found(const InsnWriter& stores, const Bytes& key) {
    const Proven proven(look_up_and_end(stores),
                        {map_spec(MapType::Hash, static_cast<uint32_t>(key.size()), 8, 16)});
    Bytes value(8);
    value[0] = 77;
    ASSERT_EQ(proven.maps[0]->control_update(key.data(), value, vm::kUpdateAny), 0);
    const std::vector<uint32_t> wanted(2, 77);
    for (const Way way : kWays)
        EXPECT_EQ(verdicts_of(proven, way, {Bytes{1, 2, 3, 4}, Bytes{1, 2, 3, 4}}, 0), wanted)
            << raw_listing(stores.insns());
}

TEST(KeyPlace, BytesAreThoseOfTheLastStore) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey, -1).put(Op::kStoreImm16, 10, 0, kKey + 2, 0x0605);
    w.put(Op::kStoreImm8, 10, 0, kKey + 7, 9);
    expect_found(w, {0xff, 0xff, 5, 6, 0xff, 0xff, 0xff, 9});
}

TEST(KeyPlace, BytesOfRegistersThatHoldConstantsAreKnown) {
    InsnWriter w = begin();
    w.mov(3, 0x01020304).put(Op::kStoreReg32, 10, 3, kKey);
    w.mov(3, 0x7fff'0506).put(Op::kStoreReg16, 10, 3, kKey + 4);
    w.mov(3, -2).put(Op::kStoreReg8, 10, 3, kKey + 6);
    w.put(Op::kStoreImm8, 10, 0, kKey + 7, 0);
    expect_found(w, {4, 3, 2, 1, 6, 5, 0xfe, 0});
}

TEST(KeyPlace, KnownAndUnknownBytesMakeUpOneWord) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey + 8, -3);
    w.put(Op::kLoad16, 3, 7, 0).put(Op::kStoreReg16, 10, 3, kKey);
    w.put(Op::kStoreImm16, 10, 0, kKey + 2, -1).put(Op::kStoreImm32, 10, 0, kKey + 4, -2);
    expect_found(w, {1, 2, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff,
                     0xff, 0xff});
}

TEST(KeyPlace, AnUnknownStoreOverAKnownOneCounts) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey, 5);
    w.put(Op::kLoad8, 3, 7, 3).put(Op::kStoreReg8, 10, 3, kKey + 1);
    expect_found(w, {5, 4, 0, 0, 0, 0, 0, 0});
}

TEST(KeyPlace, AStoreThroughAnotherRegisterCounts) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey, 5);
    w.put(Op::kStoreImm8, 8, 0, 2, 6);
    expect_found(w, {5, 0, 6, 0, 0, 0, 0, 0});
}

TEST(KeyPlace, AnAtomicThroughAnotherRegisterCounts) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey, 5).mov(3, 2);
    w.put(Op::kAtomicAdd64, 8, 3, 0);
    expect_found(w, {7, 0, 0, 0, 0, 0, 0, 0});
}

TEST(KeyPlace, WhatAHelperWritesCounts) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey, 5);
    w.mov_reg(1, 6).mov(2, 0).mov_reg(3, 8).mov(4, 2).call(kLoadBytes);
    expect_found(w, {1, 2, 0, 0, 0, 0, 0, 0});
}

TEST(KeyPlace, ADifferentStoreOnAnotherWayCounts) {
    InsnWriter w = begin();
    w.put(Op::kStoreImm64, 10, 0, kKey, 5).put(Op::kLoad8, 3, 7, 0);
    w.put(Op::kJne64Imm, 3, 0, 2, 99).put(Op::kStoreImm64, 10, 0, kKey, 6);
    w.put(Op::kStoreImm8, 10, 0, kKey + 1, 7);
    expect_found(w, {5, 0, 0, 0, 0, 0, 0, 0});
}

class ConstantIndex : public testing::TestWithParam<MapType> {};

TEST_P(ConstantIndex, FindsItsElementOrNoneBeyondTheEnd) {
    for (const int32_t index : {0, 2, 3, -1}) {
        InsnWriter w = begin();
        w.put(Op::kStoreImm32, 10, 0, kKey, index);
        const Proven proven(look_up_and_end(w), {map_spec(GetParam(), 4, 12, 3)});
        for (uint32_t i = 0; i < 3; ++i) {
            Bytes value(proven.maps[0]->control_value_bytes());
            for (size_t at = 0; at < value.size(); at += 4)
                value[at] = static_cast<uint8_t>(40 + 16 * i + at / 16);
            ASSERT_EQ(proven.maps[0]->control_update(reinterpret_cast<const uint8_t*>(&i), value,
                                                     vm::kUpdateAny),
                      0);
        }
        for (const uint32_t cpu : {0u, kCpuSlots - 1}) {
            const Bytes key(reinterpret_cast<const uint8_t*>(&index),
                            reinterpret_cast<const uint8_t*>(&index) + sizeof index);
            const std::vector<uint32_t> wanted = looked_up(*proven.maps[0], {key}, cpu);
            for (const Way way : kWays)
                EXPECT_EQ(verdicts_of(proven, way, {key}, cpu), wanted) << index << " " << cpu;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Arrays, ConstantIndex,
                         testing::Values(MapType::Array, MapType::PercpuArray));

}  // namespace
}  // namespace weir::tests
