#include "vm/cbpf/reference.h"

#include <gtest/gtest.h>

namespace weir::vm::cbpf {
namespace {

TEST(ClassicReference, RunsOverPacketsOfAnyLength) {
    const ClassicProgram far = check({{0x30, 0, 0, 100'000}, {0x16, 0, 0, 0}}).value();
    Bytes packet(100'001);
    packet.back() = 9;
    EXPECT_EQ(run_reference(far, packet, 0), 9u);
    packet.pop_back();
    EXPECT_EQ(run_reference(far, packet, 0), 0u);
    EXPECT_EQ(run_reference(far, {}, 0), 0u);
}

TEST(ClassicReference, TakesTheLengthOnTheWire) {
    const ClassicProgram length = check({{0x80, 0, 0, 0}, {0x16, 0, 0, 0}}).value();
    EXPECT_EQ(run_reference(length, Bytes(10), 1514), 1514u);
}

TEST(ClassicReference, ListsAsTcpdumpDoes) {
    EXPECT_EQ(disassemble({0x15, 2, 0, 0x800}, 1), "(001) jeq      #0x800           jt 4\tjf 2");
    EXPECT_EQ(disassemble({0xb1, 0, 0, 14}, 0), "(000) ldxb     4*([14]&0xf)");
}

}  // namespace
}  // namespace weir::vm::cbpf
