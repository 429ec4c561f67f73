// A burst in two halves gives what one packet after another gives: verdicts, bytes, redirects, map
// contents, random numbers. Packets of one burst carry few different keys, so that they meet in the
// maps.

#include <gtest/gtest.h>

#include <algorithm>

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "jit/machine_code.h"
#include "jit/overlap_plan.h"
#include "tests/unit/jit/overlap_programs.h"
#include "tests/unit/jit/proven.h"
#include "vm/isa/assemble.h"

namespace weir::tests {
namespace {

using jit::CompileOptions;
using jit::Engine;
using jit::Overlap;
using jit::OverlapStop;

constexpr uint32_t kPackets = 64, kFrameBytes = 64, kHeadroom = 32;

/// Twelve keys among 64 packets; some are in the maps.
uint32_t key_of(uint32_t packet) {
    return 1 + packet * 7 % 12;
}

/// Maps, packets and an environment, made the same way each time.
class World {
public:
    explicit World(const Program& program) : proven_(assembled(program), world_maps()) {
        for (uint32_t key = 1; key <= 9; ++key) {
            put(kHash, key, key % 5 + 1);
            if (key % 2 == 0) put(kOther, key, 40 + key);
            if (key % 3 == 0) put(kPercpuHash, key, 90 + key);
        }
        for (const uint32_t length : {8u, 16u, 32u}) {
            const std::array<uint32_t, 2> prefix = {length, length / 8};
            const uint64_t value = length;
            update(kLpm, prefix.data(), value);
        }
        for (uint32_t i = 0; i < kPackets; ++i) {
            std::array<uint8_t, kHeadroom + kFrameBytes>& bytes = frames_[i];
            for (size_t at = 0; at < bytes.size(); ++at)
                bytes[at] = static_cast<uint8_t>(i * 31 + at);
            const uint32_t key = key_of(i);
            std::memcpy(bytes.data() + kHeadroom, &key, sizeof key);
            uint8_t* const data = bytes.data() + kHeadroom;
            contexts_[i] = {data, data + kFrameBytes, data, bytes.data(), data + kFrameBytes, 1, 0,
                            0};
        }
        contexts_[5].data_end -= 8;  // too short for all programs
        env_.cpu = 1;
    }

    void run(Engine engine, Overlap overlap, uint32_t burst) {
        const auto code = jit::compile(proven_.program, proven_.pointers, maps::all_helpers(),
                                       engine, CompileOptions{.overlap = overlap});
        ASSERT_TRUE(code.has_value()) << code.error().message;
        for (uint32_t at = 0; at < kPackets; at += burst) {
            const uint32_t count = std::min(burst, kPackets - at);
            (*code)->run_burst(std::span(contexts_).subspan(at, count),
                               std::span(verdicts_).subspan(at, count),
                               std::span(redirects_).subspan(at, count), env_);
        }
    }

    /// All that a run may have changed.
    std::string outcome() const {
        std::string text;
        for (uint32_t i = 0; i < kPackets; ++i) {
            text += fmt::format("{}: {} to {}, {} bytes, ", i, verdicts_[i], redirects_[i],
                                contexts_[i].data_end - contexts_[i].data);
            for (const uint8_t byte : frames_[i]) text += fmt::format("{:02x}", byte);
            text += '\n';
        }
        for (const auto& map : proven_.maps) text += contents(*map);
        return text + fmt::format("random {:x}\n", env_.prandom_state);
    }

    const Proven& proven() const { return proven_; }

private:
    static std::vector<vm::Insn> assembled(const Program& program) {
        const auto insns = vm::assemble(program.text);
        if (!insns) std::fprintf(stderr, "%s: %s\n", program.name, insns.error().message.c_str());
        return insns.value();
    }

    void update(int map, const void* key, uint64_t value) {
        std::array<uint8_t, 8> bytes;
        std::memcpy(bytes.data(), &value, sizeof value);
        ASSERT_EQ(proven_.maps[static_cast<size_t>(map)]->control_update(
                      static_cast<const uint8_t*>(key), bytes, vm::kUpdateAny),
                  0);
    }
    void put(int map, uint32_t key, uint64_t value) { update(map, &key, value); }

    static std::string contents(vm::Map& map) {
        std::map<std::string, std::string> elements;
        std::vector<uint8_t> key(map.spec().key_bytes), next(key.size());
        Bytes value(map.control_value_bytes());
        for (int found = map.next_key(nullptr, next.data()); found == 0;
             found = map.next_key(key.data(), next.data())) {
            key = next;
            EXPECT_EQ(map.control_lookup(key.data(), value), 0);
            elements[hex(key)] = hex(value);
        }
        std::string text = map.spec().name + "\n";
        for (const auto& [k, v] : elements) text += k + " " + v + "\n";
        return text;
    }
    static std::string hex(std::span<const uint8_t> bytes) {
        std::string text;
        for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
        return text;
    }

    Proven proven_;
    std::array<std::array<uint8_t, kHeadroom + kFrameBytes>, kPackets> frames_;
    std::array<vm::XdpContext, kPackets> contexts_{};
    std::array<uint32_t, kPackets> verdicts_{}, redirects_{};
    vm::RunEnv env_;
};

std::optional<jit::OverlapPlan> plan_of(const Proven& proven) {
    jit::CompileInput input{.slots = proven.program->slots(),
                            .facts = proven.program->proof().facts,
                            .functions = {},
                            .maps = proven.pointers,
                            .helpers = &maps::all_helpers(),
                            .options = {.overlap = Overlap::kAlways}};
    for (size_t i = 0; i < proven.program->spec().subprograms.size(); ++i)
        input.functions.push_back(
            {proven.program->spec().subprograms[i].insn, proven.program->proof().stack_bytes[i]});
    return jit::plan_overlap(input, jit::analyse(input).value().liveness);
}

class OverlapTest : public testing::TestWithParam<Program> {};

TEST_P(OverlapTest, GivesWhatOnePacketAfterAnotherGives) {
    World reference(GetParam());
    reference.run(Engine::kInterp, Overlap::kNever, 1);
    const std::string expected = reference.outcome();
    EXPECT_EQ(plan_of(reference.proven()).has_value(), GetParam().overlaps);
    for (const uint32_t burst : {1u, 2u, 5u, 31u, 32u, 33u, 64u}) {
        for (const Overlap overlap : {Overlap::kNever, Overlap::kAlways}) {
            World world(GetParam());
            world.run(Engine::kJit, overlap, burst);
            EXPECT_EQ(world.outcome(), expected)
                << "bursts of " << burst << (overlap == Overlap::kAlways ? ", overlapped" : "");
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Programs, OverlapTest, testing::ValuesIn(overlap_programs()),
                         [](const auto& param) { return std::string(param.param.name); });

std::vector<OverlapStop::Kind> kinds_of(const char* name) {
    for (const Program& program : overlap_programs()) {
        if (std::string(program.name) != name) continue;
        const World world(program);
        std::vector<OverlapStop::Kind> kinds;
        const std::optional<jit::OverlapPlan> plan = plan_of(world.proven());
        for (const OverlapStop& stop : plan.value().stops) kinds.push_back(stop.kind);
        return kinds;
    }
    return {};
}

TEST(OverlapPlan, GoesOnBehindLookupsInMapsThatAreOnlyRead) {
    using Kind = OverlapStop::Kind;
    EXPECT_EQ(kinds_of("ReadsOneMap"), (std::vector{Kind::AskOnly}));
    EXPECT_EQ(kinds_of("LooksUpByWhatItFound"), (std::vector{Kind::AskOnly, Kind::AskOnly}));
}

TEST(OverlapPlan, ParksAtLookupsInMapsThatAreWritten) {
    using Kind = OverlapStop::Kind;
    EXPECT_EQ(kinds_of("CountsInTheValueItFound"), (std::vector{Kind::AskOnly, Kind::Park}));
    EXPECT_EQ(kinds_of("InsertsWhatIsMissing"), (std::vector{Kind::Ask}));
    EXPECT_EQ(kinds_of("ReadsThenWritesTheSecondMap"), (std::vector{Kind::AskOnly, Kind::Ask}));
}

TEST(OverlapPlan, TakesCountingForNothingWhereItsOrderCannotShow) {
    using Kind = OverlapStop::Kind;
    EXPECT_EQ(kinds_of("CountsTwiceInWhatItFound"), (std::vector{Kind::AskOnly, Kind::AskOnly}));
    EXPECT_EQ(kinds_of("CountsBeforeAndAfterTheLookup"), (std::vector{Kind::AskOnly}));
    const std::vector<Kind> widths = kinds_of("AddsInTwoWidthsThatOverlap");
    EXPECT_NE(std::ranges::find(widths, Kind::Park), widths.end());
    const std::vector<Kind> places = kinds_of("AddsAtPlacesThatOverlap");
    EXPECT_NE(std::ranges::find(places, Kind::Park), places.end());
}

TEST(OverlapPlan, LetsTheAdvanceWriteWhatNothingBehindItTouches) {
    using Kind = OverlapStop::Kind;
    EXPECT_EQ(kinds_of("CountsBeforeTheLookup"), (std::vector{Kind::AskOnly}));
    EXPECT_EQ(kinds_of("DrawsRandomNumbersBefore"), (std::vector{Kind::AskOnly}));
}

/// Gives the first four bytes of the value for the address that the packet begins with, or 0.
const char* const kRoute =
    "r7 = *(u32 *)(r1 + 0)\nr2 = *(u32 *)(r1 + 4)\nr3 = r7\nr3 += 64\nif r3 > r2 goto out\n"
    "r2 = *(u32 *)(r7 + 0)\n*(u32 *)(r10 - 4) = r2\n*(u32 *)(r10 - 8) = 32\n"
    "r2 = r10\nr2 += -8\nr1 = map[0] ll\ncall 1\nif r0 == 0 goto out\n"
    "r0 = *(u32 *)(r0 + 0)\nexit\nout: r0 = 0\nexit";

/// Of a.0.0.d.
std::array<uint8_t, 4> address(uint32_t a, uint32_t d) {
    return {static_cast<uint8_t>(a), 0, 0, static_cast<uint8_t>(d)};
}

struct Route {
    uint32_t bits;
    std::array<uint8_t, 4> to;
};

/// A table with a slot for each 24 bits; of these some are entries, some lead on to one longer
/// prefix or to many, and for some a shorter prefix counts.
std::vector<Route> routes() {
    std::vector<Route> all = {
        {8, address(1, 0)}, {16, address(2, 0)}, {24, address(3, 0)}, {32, address(4, 7)}};
    for (uint32_t d = 0; d < 256; d += 3) all.push_back({32, address(5, d)});
    for (uint32_t d = 0; d < 256; d += 32) all.push_back({27, address(1, d)});
    return all;
}

TEST(OverlappedLookup, FindsInALargeTableWhatTheMapFinds) {
    vm::MapSpec spec = map_spec(vm::MapType::LpmTrie, 8, 8, 1u << 16);
    spec.flags = vm::kMapNoPrealloc;
    const Proven proven(vm::assemble(kRoute).value(), {spec});
    std::array<uint8_t, 8> value{};
    for (const Route& route : routes()) {
        ++value[value[0] == 255 ? 1 : 0];
        ASSERT_EQ(proven.maps[0]->control_update(reinterpret_cast<const uint8_t*>(&route), value,
                                                 vm::kUpdateAny),
                  0);
    }
    const auto code = jit::compile(proven.program, proven.pointers, maps::all_helpers(),
                                   Engine::kJit, CompileOptions{.overlap = Overlap::kAlways});
    std::array<TestPacket, 48> packets;
    std::vector<vm::XdpContext> contexts;
    std::array<uint32_t, 48> verdicts, redirects, expected;
    for (uint32_t i = 0; i < packets.size(); ++i) {
        const Route whole = {32, address(i % 7, i * 5)};
        std::memcpy(packets[i].bytes, whole.to.data(), whole.to.size());
        contexts.push_back(packets[i].context());
        const uint8_t* const found =
            proven.maps[0]->lookup(reinterpret_cast<const uint8_t*>(&whole), 0);
        expected[i] = found == nullptr ? 0 : *reinterpret_cast<const uint32_t*>(found);
    }
    vm::RunEnv env;
    (*code)->run_burst(contexts, verdicts, redirects, env);
    EXPECT_EQ(verdicts, expected);
}

}  // namespace
}  // namespace weir::tests
