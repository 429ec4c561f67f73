#include "dataplane/packet_writes.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fixtures.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

bool may_write(const vm::ProgramSpec& spec) {
    auto proof = vm::verify(spec);
    EXPECT_TRUE(proof) << proof.error().message;
    if (!proof) return false;
    return may_write_packets(*vm::accept(spec, std::move(*proof)));
}

/// r2 = data, r3 = data_end; if r2 + 14 > r3 goto out; then `inside`, with the packet in r2.
vm::ProgramSpec with_packet(std::vector<vm::Insn> inside) {
    std::vector<vm::Insn> insns = {{0x61, 2, 1, 0, 0},
                                   {0x61, 3, 1, 4, 0},
                                   {0xbf, 4, 2, 0, 0},
                                   {0x07, 4, 0, 0, 14},
                                   {0x2d, 4, 3, static_cast<int16_t>(inside.size()), 0}};
    insns.insert(insns.end(), inside.begin(), inside.end());
    insns.push_back({0xb7, 0, 0, 0, 2});
    insns.push_back({0x95, 0, 0, 0, 0});
    return testing_program("packet", std::move(insns));
}

TEST(PacketWrites, AreNoneOfAProgramThatReadsAndCounts) {
    EXPECT_FALSE(may_write(testing_return(vm::XDP_PASS)));
    EXPECT_FALSE(may_write(
        testing_counter(vm::XDP_DROP, testing_map("counts", vm::MapType::PercpuArray, 1))));
    EXPECT_FALSE(may_write(with_packet({{0x71, 5, 2, 12, 0}}))) << "r5 = *(u8*)(r2 + 12)";
}

TEST(PacketWrites, AreStoresToThePacket) {
    EXPECT_TRUE(may_write(with_packet({{0x72, 2, 0, 0, 1}}))) << "*(u8*)r2 = 1";
    EXPECT_TRUE(may_write(with_packet({{0xb7, 5, 0, 0, 1}, {0x73, 2, 5, 0, 0}})));
}

TEST(PacketWrites, AreCallsThatChangeThePacket) {
    EXPECT_TRUE(may_write(testing_program("grows", {{0xb7, 2, 0, 0, -4},
                                                    {0x85, 0, 0, 0, 44},  // xdp_adjust_head
                                                    {0xb7, 0, 0, 0, 2},
                                                    {0x95, 0, 0, 0, 0}})));
}

}  // namespace
}  // namespace weir::dataplane
