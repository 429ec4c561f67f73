// A burst in two halves gives what one packet after another gives: verdicts, bytes, redirects, map
// contents, random numbers. Each program here has in it something that a wrong order would show;
// packets of one burst carry few different keys, so that they meet in the maps.

#include <gtest/gtest.h>

#include <algorithm>

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "jit/machine_code.h"
#include "jit/overlap_plan.h"
#include "tests/unit/jit/proven.h"
#include "vm/isa/assemble.h"

namespace weir::tests {
namespace {

using jit::CompileOptions;
using jit::Engine;
using jit::Overlap;
using jit::OverlapStop;
using vm::MapType;

constexpr uint32_t kPackets = 64, kFrameBytes = 64, kHeadroom = 32;

/// Maps of all programs, by the index that they are loaded with.
constexpr int kHash = 0, kLru = 1, kLpm = 2, kCounters = 3, kPercpuHash = 4, kOther = 5;

std::vector<vm::MapSpec> world_maps() {
    vm::MapSpec lpm = map_spec(MapType::LpmTrie, 8, 8, 64);
    lpm.flags = 1;  // BPF_F_NO_PREALLOC, which the kind asks for
    return {map_spec(MapType::Hash, 4, 8, 32),
            map_spec(MapType::LruHash, 4, 8, 32),
            lpm,
            map_spec(MapType::PercpuArray, 4, 8, 4),
            map_spec(MapType::PercpuHash, 4, 8, 32),
            map_spec(MapType::Hash, 4, 8, 32)};
}

struct Program {
    const char* name;
    std::string text;
    bool overlaps = true;
};

void PrintTo(const Program& program, std::ostream* out) {
    *out << program.name;
}

/// r9 = context, r7 = packet (64 bytes of it are there), the first 4 bytes of the packet at r10-4.
const std::string kParse =
    "r9 = r1\nr7 = *(u32 *)(r1 + 0)\nr2 = *(u32 *)(r1 + 4)\nr3 = r7\nr3 += 64\n"
    "if r3 > r2 goto out\nr2 = *(u32 *)(r7 + 0)\n*(u32 *)(r10 - 4) = r2\n";
const std::string kOut = "out: r0 = 2\nexit";

std::string look_up(int map) {
    return "r2 = r10\nr2 += -4\nr1 = map[" + std::to_string(map) + "] ll\ncall 1\n";
}
/// Adds 1 to the counter at `index`, by a load and a store.
std::string count_at(int index, const std::string& label) {
    return "*(u32 *)(r10 - 8) = " + std::to_string(index) +
           "\nr2 = r10\nr2 += -8\nr1 = map[3] ll\ncall 1\nif r0 == 0 goto " + label +
           "\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\n" + label + ": ";
}
/// map[key] = r10-16's 8 bytes.
std::string update(int map) {
    return "r2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\nr1 = map[" + std::to_string(map) +
           "] ll\ncall 2\n";
}

const std::vector<Program>& programs() {
    static const std::vector<Program> all = {
        {"ReadsOneMap",
         kParse + look_up(kHash) + "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
        {"CountsInTheValueItFound",
         kParse + look_up(kHash) +
             "if r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\n"
             "r0 = r1\nexit\n" +
             kOut},
        {"AddsAtomicallyToTheValueItFound",
         kParse + look_up(kHash) +
             "if r0 == 0 goto out\nr1 = 3\nr1 = atomic_fetch_add((u64 *)(r0 + 0), r1)\n"
             "r0 = r1\nexit\n" +
             kOut},
        {"InsertsWhatIsMissing",
         kParse + look_up(kLru) + "if r0 == 0 goto fresh\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n" +
             "*(u64 *)(r0 + 0) = r1\nr0 = r1\nexit\nfresh: *(u64 *)(r10 - 16) = 100\n" +
             update(kLru) + "r0 = 1\nexit\n" + kOut},
        {"DeletesEverySecondTime",
         kParse + look_up(kHash) + "if r0 == 0 goto fresh\n" + "r2 = r10\nr2 += -4\n" +
             "r1 = map[0] ll\ncall 3\nr0 = 7\nexit\nfresh: *(u64 *)(r10 - 16) = 5\n" +
             update(kHash) + "r0 = 1\nexit\n" + kOut},
        {"LooksUpByWhatItFound",
         kParse + look_up(kHash) +
             "if r0 == 0 goto out\nr2 = *(u32 *)(r0 + 0)\n*(u32 *)(r10 - 4) = r2\n" +
             look_up(kOther) + "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 4)\nexit\n" + kOut},
        {"ReadsThenWritesTheSecondMap",
         kParse + look_up(kHash) + "if r0 == 0 goto out\nr6 = *(u64 *)(r0 + 0)\n" +
             look_up(kOther) +
             "if r0 == 0 goto fresh\nr1 = *(u64 *)(r0 + 0)\nr1 ^= r6\n*(u64 *)(r0 + 0) = r1\n"
             "r0 = r1\nexit\nfresh: *(u64 *)(r10 - 16) = r6\n" +
             update(kOther) + "r0 = r6\nexit\n" + kOut},
        {"CountsBeforeTheLookup", kParse + count_at(0, "counted") + look_up(kHash) +
                                      "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
        {"CountsBeforeAndAfterTheLookup",
         kParse + count_at(0, "counted") + look_up(kHash) + "r6 = r0\n" + count_at(0, "again") +
             "r0 = 0\nif r6 == 0 goto end\nr0 = 1\nend: exit\n" + kOut},
        {"CountsTwiceInWhatItFound",
         kParse + look_up(kHash) +
             "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\nr1 += 1\n*(u32 *)(r0 + 0) = r1\n"
             "r1 = *(u8 *)(r7 + 9)\nr2 = *(u32 *)(r0 + 4)\nr2 += r1\n*(u32 *)(r0 + 4) = r2\non: " +
             look_up(kOther) +
             "if r0 == 0 goto out\nr1 = 1\nlock *(u32 *)(r0 + 0) += r1\n"
             "r0 = 1\nexit\n" +
             kOut},
        {"AddsInTwoWidthsThatOverlap",
         kParse + look_up(kOther) +
             "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\n"
             "r1 += 2147483647\n*(u32 *)(r0 + 0) = r1\non: " +
             look_up(kHash) + "r6 = r0\n" + look_up(kOther) +
             "if r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nr1 += 2147483647\n"
             "*(u64 *)(r0 + 0) = r1\nr0 = 1\nexit\n" +
             kOut},
        {"AddsAtPlacesThatOverlap",
         kParse + look_up(kOther) +
             "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 2)\n"
             "r1 += 2147483647\n*(u32 *)(r0 + 2) = r1\non: " +
             look_up(kHash) + "r6 = r0\n" + look_up(kOther) +
             "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr1 += 2147483647\n"
             "*(u32 *)(r0 + 0) = r1\nr0 = 1\nexit\n" +
             kOut},
        {"StampsTheCountIntoThePacket",
         kParse + count_at(1, "counted") + "*(u64 *)(r7 + 8) = r1\n" + look_up(kHash) +
             "*(u8 *)(r7 + 16) = 9\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n"
             "*(u64 *)(r7 + 24) = r1\nr0 = 3\nexit\n" +
             kOut},
        {"DrawsRandomNumbersOnBothSides",
         kParse + "call 7\n*(u32 *)(r7 + 8) = r0\n" + look_up(kHash) + "r6 = r0\ncall 7\n" +
             "*(u32 *)(r7 + 12) = r0\nr0 = 1\nif r6 == 0 goto end\nr0 = 2\nend: exit\n" + kOut,
         false},
        {"DrawsRandomNumbersBefore", kParse + "call 7\n*(u32 *)(r7 + 8) = r0\n" + look_up(kHash) +
                                         "if r0 == 0 goto out\nr0 = 1\nexit\n" + kOut},
        {"RedirectsByWhatItFound",
         kParse + look_up(kHash) +
             "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr2 = 0\ncall 23\nexit\n" + kOut},
        {"RedirectsBeforeTheLookup",
         kParse + "r1 = *(u8 *)(r7 + 0)\nr2 = 0\nif r1 == 3 goto on\ncall 23\non: " +
             look_up(kHash) + "if r0 == 0 goto out\nr0 = 4\nexit\n" + kOut},
        {"MovesTheHeadBeforeTheLookup",
         kParse +
             "r1 = r9\nr2 = -8\ncall 44\nr1 = r9\nr7 = *(u32 *)(r9 + 0)\n"
             "r2 = *(u32 *)(r9 + 4)\nr3 = r7\nr3 += 16\nif r3 > r2 goto out\n"
             "*(u64 *)(r7 + 0) = 77\n" +
             look_up(kHash) +
             "if r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n"
             "*(u64 *)(r7 + 8) = r1\nr0 = 3\nexit\n" +
             kOut},
        {"LooksUpInALoop",
         kParse + "r6 = 0\nr8 = 0\nagain: " + look_up(kHash) +
             "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\nr8 += r1\non: r1 = *(u32 *)(r10 - 4)\n"
             "r1 += 1\n*(u32 *)(r10 - 4) = r1\nr6 += 1\nif r6 < 12 goto again\nr0 = r8\nexit\n" +
             kOut},
        {"LooksUpOnOnePathOnly",
         kParse + "r2 = *(u8 *)(r7 + 1)\nif r2 > 1 goto on\n" + look_up(kHash) +
             "if r0 == 0 goto out\non: " + count_at(2, "counted") + "r0 = 1\nexit\n" + kOut},
        {"ChoosesBetweenMaps",
         kParse + "r2 = *(u8 *)(r7 + 0)\nr2 &= 1\nif r2 == 0 goto even\n" + look_up(kOther) +
             "goto both\neven: " + look_up(kPercpuHash) +
             "both: if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr1 += 1\n*(u32 *)(r0 + 0) = r1\n"
             "r0 = r1\nexit\n" +
             kOut},
        {"LooksUpPrefixesThenCounts",
         kParse +
             "*(u32 *)(r10 - 16) = 32\nr2 = *(u32 *)(r7 + 0)\n*(u32 *)(r10 - 12) = r2\n"
             "r2 = r10\nr2 += -16\nr1 = map[2] ll\ncall 1\nif r0 == 0 goto out\n"
             "r6 = *(u32 *)(r0 + 0)\n" +
             count_at(3, "counted") + "r0 = r6\nexit\n" + kOut},
        {"CallsAFunctionThatLooksUp",
         kParse + "r1 = r10\nr1 += -4\ncall find\nr6 = r0\n" + look_up(kOther) +
             "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nr0 += r6\nexit\n" + kOut +
             "\nfind: r2 = r1\nr1 = map[0] ll\ncall 1\nif r0 == 0 goto none\n"
             "r0 = *(u32 *)(r0 + 0)\nexit\nnone: r0 = 0\nexit"},
        {"CallsAFunctionThatWritesWhatItReads",
         kParse + look_up(kHash) +
             "r6 = r0\nr1 = r10\nr1 += -4\ncall bump\n"
             "if r6 == 0 goto out\nr0 = *(u32 *)(r6 + 0)\nexit\n" +
             kOut +
             "\nbump: r2 = r1\nr1 = map[0] ll\ncall 1\nif r0 == 0 goto none\n"
             "r1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nnone: r0 = 0\nexit"},
        {"KeepsRegistersAndStackOverTheWait",
         kParse +
             "r6 = *(u8 *)(r7 + 0)\nr8 = *(u64 *)(r7 + 8)\n*(u64 *)(r10 - 200) = r8\n"
             "*(u8 *)(r10 - 300) = r6\n" +
             look_up(kHash) +
             "r1 = *(u8 *)(r10 - 300)\nr2 = *(u64 *)(r10 - 200)\nr2 ^= r8\n"
             "r1 -= r6\nr1 |= r2\nif r0 == 0 goto end\nr1 += 100\nend: r0 = r1\n"
             "exit\n" +
             kOut},
        {"UsesAKeyInAnotherMapsValue", kParse + look_up(kHash) +
                                           "if r0 == 0 goto out\nr2 = r0\nr1 = map[5] ll\ncall 1\n"
                                           "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr1 += 1\n"
                                           "*(u32 *)(r0 + 0) = r1\nr0 = r1\nexit\n" +
                                           kOut},
    };
    return all;
}

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

INSTANTIATE_TEST_SUITE_P(Programs, OverlapTest, testing::ValuesIn(programs()),
                         [](const auto& param) { return std::string(param.param.name); });

std::vector<OverlapStop::Kind> kinds_of(const char* name) {
    for (const Program& program : programs()) {
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

}  // namespace
}  // namespace weir::tests
