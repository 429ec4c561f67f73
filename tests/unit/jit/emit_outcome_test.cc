// What a run leaves beside its verdict: the exit where it aborted, the map by which it redirects.
// The same by every engine, alone and in a burst.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/jit/proven.h"
#include "vm/isa/assemble.h"

namespace weir::tests {
namespace {

constexpr uint32_t kPackets = 29, kNumber = 7;
enum class Way { kInterp, kSingle, kBurst, kOverlapped };

/// r3 is the packet's first byte, which is its number, at label `go`.
const std::string kLoad =
    "r6 = r1\nr2 = *(u32 *)(r1 + 0)\nr4 = *(u32 *)(r1 + 4)\nr5 = r2\nr5 += 14\n"
    "if r5 > r4 goto short\nr3 = *(u8 *)(r2 + 0)\ngoto go\nshort: r0 = 1\nexit\ngo: ";

struct Outcome {
    std::vector<uint32_t> verdicts, redirects;
    std::vector<uint64_t> exits;  ///< sorted: halves of a burst end in another order
    std::vector<std::tuple<const vm::Map*, uint64_t, uint64_t>> by_map;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

class OutcomeTest : public testing::Test {
protected:
    Proven prove(const std::string& text) {
        const auto insns = vm::assemble(text);
        if (!insns) std::fprintf(stderr, "%s\n", insns.error().message.c_str());
        Proven proven(insns.value(), {map_spec(vm::MapType::Devmap, 4, 8, 64),
                                      map_spec(vm::MapType::Hash, 4, 4, 64)});
        for (uint32_t key = 0; key < 64; key += 2) {
            const uint64_t value = key + 1;
            EXPECT_EQ(proven.pointers[0]->control_update(
                          reinterpret_cast<const uint8_t*>(&key),
                          {reinterpret_cast<const uint8_t*>(&value), sizeof value}, 0),
                      0);
        }
        return proven;
    }

    static Outcome run(const Proven& proven, Way way) {
        jit::CompileOptions options;
        options.number = kNumber;
        options.overlap = way == Way::kOverlapped ? jit::Overlap::kAlways : jit::Overlap::kNever;
        const auto engine = way == Way::kInterp ? jit::Engine::kInterp : jit::Engine::kJit;
        const auto program =
            jit::compile(proven.program, proven.pointers, maps::all_helpers(), engine, options)
                .value();
        std::vector<TestPacket> packets(kPackets);
        std::vector<vm::XdpContext> contexts;
        for (uint32_t i = 0; i < kPackets; ++i) {
            packets[i].bytes[0] = static_cast<uint8_t>(i);
            contexts.push_back(packets[i].context());
        }
        vm::RunEnv env;
        std::vector<vm::Redirect> notes(kPackets);
        env.map_redirects = notes.data();
        Outcome outcome{std::vector<uint32_t>(kPackets), std::vector<uint32_t>(kPackets), {}, {}};
        if (way == Way::kBurst || way == Way::kOverlapped) {
            program->run_burst(contexts, outcome.verdicts, outcome.redirects, env);
        } else {
            for (uint32_t i = 0; i < kPackets; ++i) {
                outcome.verdicts[i] = program->run(contexts[i], env);
                outcome.redirects[i] = env.redirect_ifindex;
                vm::keep_map_redirect(env);
            }
        }
        EXPECT_LE(env.aborts.count, vm::AbortLog::kEntries);
        outcome.exits.assign(env.aborts.exits.begin(), env.aborts.exits.begin() + env.aborts.count);
        std::ranges::sort(outcome.exits);
        for (const vm::Redirect* at = notes.data(); at != env.map_redirects; ++at)
            outcome.by_map.emplace_back(at->map, at->key, at->flags);
        return outcome;
    }
    static Outcome agreed(const Proven& proven) {
        const Outcome wanted = run(proven, Way::kInterp);
        for (const Way way : {Way::kSingle, Way::kBurst, Way::kOverlapped})
            EXPECT_TRUE(run(proven, way) == wanted) << "way " << static_cast<int>(way);
        return wanted;
    }
};

TEST_F(OutcomeTest, NamesTheExitOfEachAbortedRun) {
    // 0 aborts always here; what is the packet's number is a verdict from 1 to 4.
    const Proven proven = prove(kLoad +
                                "if r3 > 9 goto rest\nif r3 != 7 goto number\nr0 = 0\nexit\n"
                                "number: r0 = r3\nexit\nrest: r0 = 2\nexit");
    const Outcome outcome = agreed(proven);
    std::vector<uint64_t> wanted(1, uint64_t{kNumber} << 32 | 13);
    for (const uint32_t number : {0u, 5u, 6u, 8u, 9u}) {
        EXPECT_EQ(outcome.verdicts[number], number);
        wanted.push_back(uint64_t{kNumber} << 32 | 15);
    }
    EXPECT_EQ(outcome.exits, wanted);
}

TEST_F(OutcomeTest, LooksAtTheLower32BitsOfTheResult) {
    const Proven proven = prove(kLoad + "r0 = 0x100000000 ll\nr0 += r3\nexit");
    EXPECT_EQ(agreed(proven).exits.size(), kPackets - 4);
}

TEST_F(OutcomeTest, SaysNothingOfFunctionsAndCallbacksThatReturnZero) {
    const Proven proven = prove(kLoad + "r1 = r3\ncall zero\nr0 += 2\nexit\nzero: r0 = 0\nexit");
    EXPECT_TRUE(agreed(proven).exits.empty());
}

TEST_F(OutcomeTest, KeepsTheMapOfEachPacketThatRedirects) {
    const Proven proven = prove(kLoad +
                                "if r3 == 3 goto number\nif r3 == 4 goto twice\n"
                                "r1 = map[0] ll\nr2 = r3\nr3 = 1\ncall redirect_map\nexit\n"
                                "number: r1 = -1\nr2 = 0\ncall redirect\nexit\n"
                                "twice: r1 = map[0] ll\nr2 = 2\nr3 = 8\ncall redirect_map\n"
                                "r1 = map[0] ll\nr2 = 6\nr3 = 16\ncall redirect_map\nexit");
    Outcome outcome = agreed(proven);
    // Of packet 3, the third of them, only that there is no map: key and flags are another's then.
    ASSERT_GT(outcome.by_map.size(), 2u);
    outcome.by_map[2] = {std::get<0>(outcome.by_map[2]), 0, 0};
    // Odd keys have no entry; 3 goes by a number that looks like a map's.
    std::vector<std::tuple<const vm::Map*, uint64_t, uint64_t>> wanted;
    for (uint32_t i = 0; i < kPackets; ++i) {
        const vm::Map* const map = proven.pointers[0];
        if (i == 3)
            wanted.emplace_back(nullptr, 0, 0);
        else if (i == 4)
            wanted.emplace_back(map, 6, 0);
        else if (i % 2 == 0)
            wanted.emplace_back(map, i, 0);
        const bool by_map = i % 2 == 0 || i == 3;
        EXPECT_EQ(outcome.redirects[i], by_map ? vm::kRedirectByMap : 0u) << i;
        EXPECT_EQ(outcome.verdicts[i], by_map ? vm::XDP_REDIRECT : vm::XDP_DROP) << i;
    }
    EXPECT_EQ(outcome.by_map, wanted);
}

/// Some packets wait for a look-up, others are through before them.
TEST_F(OutcomeTest, KeepsThePacketsOrderWhereTheyOverlap) {
    const Proven proven = prove(kLoad +
                                "r7 = r3\n*(u32 *)(r10 - 4) = r3\nif r3 & 1 goto out\n"
                                "r1 = map[1] ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n"
                                "if r0 != 0 goto out\n"
                                "r1 = map[0] ll\nr2 = r7\nr3 = 0\ncall redirect_map\nexit\n"
                                "out: r0 = 0\nexit");
    const Outcome outcome = agreed(proven);
    EXPECT_EQ(outcome.by_map.size(), (kPackets + 1) / 2);
    EXPECT_EQ(outcome.exits.size(), kPackets / 2);
}

}  // namespace
}  // namespace weir::tests
