// Proven programs: packet, maps and helpers behind the interpreter.

#include <array>

#include <gtest/gtest.h>

#include "vm/helpers/helpers.h"
#include "vm/interp/interp.h"
#include "vm/isa/assemble.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {
namespace {

/// A map of one value, reached through its address only.
class OneValueMap : public Map {
public:
    explicit OneValueMap(MapSpec spec) : Map(std::move(spec)) {}
    uint8_t* lookup(const uint8_t*, uint32_t) override { return value; }
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override { return -1; }
    int erase(const uint8_t*) override { return -1; }
    uint8_t* direct_value() override { return value; }
    uint32_t control_value_bytes() const override { return sizeof value; }
    int control_lookup(const uint8_t*, std::span<uint8_t>) override { return -1; }
    int control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) override { return -1; }
    int control_erase(const uint8_t*) override { return -1; }
    int next_key(const uint8_t*, uint8_t*) override { return -1; }
    uint32_t entries() const override { return 1; }
    uint64_t memory_bytes() const override { return sizeof value; }
    uint64_t full_count() const override { return 0; }

    alignas(8) uint8_t value[16] = {};
};

MapSpec counters() {
    return {.name = ".bss",
            .type = MapType::Array,
            .key_bytes = 4,
            .value_bytes = 16,
            .entries_max = 1,
            .is_global_data = true};
}

Result<VerifiedProgram> proven(std::string_view text) {
    const Result<std::vector<Insn>> insns = assemble(text);
    if (!insns) return std::unexpected(insns.error());
    ProgramSpec spec{.name = "test",
                     .section = "xdp",
                     .insns = *insns,
                     .subprograms = {{"test", 0}},
                     .maps = {counters()}};
    std::expected<Proof, Rejection> proof = verify(spec);
    if (!proof) return fail(ErrorKind::kRejected, proof.error().message);
    return accept(std::move(spec), std::move(*proof));
}

Result<uint32_t> run(std::string_view text, std::span<uint8_t> packet, OneValueMap& map) {
    const Result<VerifiedProgram> program = proven(text);
    if (!program) return std::unexpected(program.error());
    HelperTable helpers;
    add_base_helpers(helpers);
    XdpContext context{.data = packet.data(),
                       .data_end = packet.data() + packet.size(),
                       .data_meta = packet.data(),
                       .frame_start = packet.data(),
                       .frame_limit = packet.data() + packet.size(),
                       .ingress_ifindex = 3,
                       .rx_queue_index = 4,
                       .egress_ifindex = 0};
    RunEnv env;
    env.cpu = 6;
    Map* const maps[] = {&map};
    return interpret(*program, maps, helpers, context, env);
}

uint32_t result_of(std::string_view text, std::span<uint8_t> packet, OneValueMap& map) {
    const Result<uint32_t> result = run(text, packet, map);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result.value_or(~0u);
}

TEST(Interpret, ReadsAndWritesThePacketThroughTheContext) {
    OneValueMap map(counters());
    std::array<uint8_t, 60> packet{};
    packet[12] = 0x08;
    constexpr const char* kProgram =
        "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 14\nr0 = 1\nif r4 > r3 goto "
        "out\n"
        "r0 = *(u8 *)(r2 + 12)\n*(u8 *)(r2 + 0) = 0x5a\nr5 = *(u32 *)(r1 + 12)\nr0 += r5\nr5 = "
        "*(u32 *)(r1 + 16)\nr0 += r5\n"
        "out: exit";
    EXPECT_EQ(result_of(kProgram, packet, map), 8u + 3 + 4);
    EXPECT_EQ(packet[0], 0x5a);
    EXPECT_EQ(result_of(kProgram, std::span(packet).first(13), map), 1u);
}

TEST(Interpret, ReachesAMapsValueByItsAddress) {
    OneValueMap map(counters());
    std::array<uint8_t, 60> packet{};
    constexpr const char* kProgram =
        "r1 = map[0][0] + 0x8 ll\nr2 = 5\nlock *(u64 *)(r1 + 0) += r2\nr0 = *(u64 *)(r1 + 0)\nexit";
    EXPECT_EQ(result_of(kProgram, packet, map), 5u);
    EXPECT_EQ(result_of(kProgram, packet, map), 10u);
    EXPECT_EQ(map.value[8], 10);
    EXPECT_EQ(map.value[0], 0);
}

TEST(Interpret, CallsHelpersAndLocalFunctions) {
    OneValueMap map(counters());
    std::array<uint8_t, 60> packet{};
    EXPECT_EQ(result_of("call get_smp_processor_id\nr0 += 1\nexit", packet, map), 7u);
    EXPECT_EQ(result_of("r1 = 0x7fffffff00000002 ll\nr0 = r1\nexit", packet, map), 2u)
        << "the low half of r0 counts";
}

}  // namespace
}  // namespace weir::vm
