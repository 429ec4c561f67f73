#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "maps/reclaim.h"
#include "tests/unit/jit/joined.h"
#include "vm/base/limits.h"

namespace weir::tests {
namespace {

constexpr uint32_t kSlots = 4;

class TailCall : public testing::TestWithParam<Runs> {
protected:
    /// Map 0 and map 1: prog arrays; map 2: an array of 8-byte counters.
    Joined joined_{
        GetParam(),
        {map_spec(vm::MapType::ProgArray, 4, 4, kSlots),
         map_spec(vm::MapType::ProgArray, 4, 4, kSlots), map_spec(vm::MapType::Array, 4, 8, 1)}};

    static std::string to_slot(const std::string& index) {
        return "r2 = map[0] ll\nr3 = " + index + "\ncall tail_call\n";
    }
    static std::string count() {
        return "r6 = map[2][0]+0 ll\nr0 = *(u64 *)(r6 + 0)\nr0 += 1\n*(u64 *)(r6 + 0) = r0\n";
    }
    using Verdicts = std::vector<uint32_t>;
};

TEST_P(TailCall, RunsTheTargetOverTheSamePacketInTheCallersPlace) {
    joined_.bind(1, joined_.add("r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 8\n"
                                "if r4 > r3 goto short\nr0 = *(u8 *)(r2 + 7)\nexit\n"
                                "short: r0 = 99\nexit"));
    const auto& program = joined_.add("r6 = 1\n*(u64 *)(r10 - 8) = 5\nr7 = 2\nr8 = 3\nr9 = 4\n" +
                                      to_slot("1") + "r0 = 50\nexit");
    EXPECT_EQ(joined_.run(program, 3), (Verdicts{7, 7, 7}));
}

TEST_P(TailCall, GoesOnWhereNoProgramIs) {
    joined_.bind(1, joined_.add("r0 = 7\nexit"));
    for (const char* index : {"0", "3", "4", "5", "-1"}) {
        const auto& program = joined_.add("r6 = 8\n*(u64 *)(r10 - 8) = 5\n" + to_slot(index) +
                                          "r0 = *(u64 *)(r10 - 8)\nr0 += r6\nexit");
        EXPECT_EQ(joined_.run(program, 2), (Verdicts{13, 13})) << index;
    }
}

TEST_P(TailCall, LooksAtTheLower32BitsOfTheIndex) {
    joined_.bind(1, joined_.add("r0 = 7\nexit"));
    const auto& program =
        joined_.add("r2 = map[0] ll\nr3 = 0x500000001 ll\ncall tail_call\nr0 = 50\nexit");
    EXPECT_EQ(joined_.run(program), Verdicts{7});
}

TEST_P(TailCall, SeesTheSlotAsItIsNow) {
    const auto& one = joined_.add("r0 = 1\nexit");
    const auto& two = joined_.add("r0 = 2\nexit");
    const auto& program = joined_.add(to_slot("0") + "r0 = 50\nexit");
    EXPECT_EQ(joined_.run(program), Verdicts{50});
    joined_.bind(0, one);
    EXPECT_EQ(joined_.run(program), Verdicts{1});
    joined_.bind(0, two);
    EXPECT_EQ(joined_.run(program), Verdicts{2});
    joined_.unbind(0);
    EXPECT_EQ(joined_.run(program), Verdicts{50});
}

TEST_P(TailCall, EndsAtTheLimitOfEachRun) {
    const auto& again = joined_.add("r7 = r1\n" + count() + "r1 = r7\n" + to_slot("0") +
                                    "r0 = *(u64 *)(r6 + 0)\nexit");
    joined_.bind(0, again);
    constexpr uint32_t kRuns = kTailCallsMax + 1;
    EXPECT_EQ(joined_.run(again, 3), (Verdicts{kRuns, 2 * kRuns, 3 * kRuns}));
}

TEST_P(TailCall, ReturnsToTheCallerOfTheFunctionThatMadeIt) {
    joined_.bind(2, joined_.add("r6 = 100\nr7 = 100\nr8 = 100\nr9 = 100\n"
                                "*(u64 *)(r10 - 400) = 77\n*(u64 *)(r10 - 8) = 77\ncall f\n"
                                "r0 += 30\nexit\nf: r6 = 1\n*(u64 *)(r10 - 8) = 1\nr0 = 4\nexit"));
    const auto& program = joined_.add(
        "r6 = 1\nr7 = 10\nr8 = 100\nr9 = 1000\n*(u64 *)(r10 - 8) = 10000\n"
        "call f\nr0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\n"
        "f: r6 = 5\nr7 = 5\n*(u64 *)(r10 - 16) = 5\n" +
        to_slot("2") + "r0 = 9000000\nexit");
    EXPECT_EQ(joined_.run(program, 3), (Verdicts{11145, 11145, 11145}));
}

TEST_P(TailCall, CountsThoseOfFunctionsOverTheWholeRun) {
    joined_.bind(0, joined_.add("r0 = 1\nexit"));
    const auto& program = joined_.add(
        "r6 = r1\nr7 = 0\nr8 = 0\nagain: r1 = r6\ncall f\nr8 += r0\nr7 += 1\n"
        "if r7 != 40 goto again\nr0 = r8\nexit\nf: " +
        to_slot("0") + "r0 = 1000\nexit");
    constexpr uint32_t kSum = kTailCallsMax + (40 - kTailCallsMax) * 1000;
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{kSum, kSum}));
}

TEST_P(TailCall, NestsAsDeepAsTheLimitAllows) {
    const auto& deep = joined_.add("r7 = r1\n*(u64 *)(r10 - 200) = 1\n" + count() +
                                   "r1 = r7\ncall f\nr1 = *(u64 *)(r10 - 200)\n"
                                   "r0 += r1\nexit\nf: *(u64 *)(r10 - 48) = 3\n" +
                                   to_slot("0") + "r0 = *(u64 *)(r10 - 48)\nexit");
    joined_.bind(0, deep);
    constexpr uint32_t kSum = 3 + kTailCallsMax + 1;
    EXPECT_EQ(joined_.run(deep, 2), (Verdicts{kSum, kSum}));
    EXPECT_EQ(joined_.word(2), 2u * (kTailCallsMax + 1));
}

TEST_P(TailCall, FindsTheArrayThatARunChose) {
    joined_.bind(1, joined_.add("r0 = 7\nexit"), 0);
    joined_.bind(1, joined_.add("r2 = *(u32 *)(r1 + 16)\nr0 = 8\nr0 += r2\nexit"), 1);
    for (const uint32_t queue : {1u, 2u}) {
        const auto& program = joined_.add(
            "r4 = *(u32 *)(r1 + 16)\nr2 = map[0] ll\nif r4 != " + std::to_string(queue) +
            " goto on\nr2 = map[1] ll\non: r3 = 1\ncall tail_call\nr0 = 50\nexit");
        EXPECT_EQ(joined_.run(program, 2), queue == 1 ? (Verdicts{9, 9}) : (Verdicts{7, 7}));
    }
    const auto& nothing = joined_.add(
        "r4 = *(u32 *)(r1 + 16)\nr2 = map[0] ll\nif r4 != 1 goto on\nr2 = map[1] ll\n"
        "on: r3 = 4\ncall tail_call\nr0 = 50\nexit");
    EXPECT_EQ(joined_.run(nothing), Verdicts{50});
}

TEST_P(TailCall, TakesTheTargetsRedirect) {
    joined_.bind(0, joined_.add("r1 = 17\nr2 = 0\ncall redirect\nexit"));
    const auto& program = joined_.add(
        "r6 = map[2][0]+0 ll\nr7 = *(u64 *)(r6 + 0)\nr8 = r7\nr8 += 1\n*(u64 *)(r6 + 0) = r8\n"
        "r3 = r7\nr2 = map[0] ll\ncall tail_call\nr0 = 2\nexit");
    EXPECT_EQ(joined_.run(program, 3), (Verdicts{vm::XDP_REDIRECT, 2, 2}));
    EXPECT_EQ(joined_.redirects, (Verdicts{17, 0, 0}));
}

TEST_P(TailCall, LeavesTheMayGotosOfTheRunToTheTarget) {
    joined_.bind(0, joined_.add("r0 = 0\nagain: may_goto out\nr0 += 1\ngoto again\nout: exit"));
    const auto& program = joined_.add(
        "r6 = 0\nagain: may_goto out\nr6 += 1\nif r6 < 1000 goto again\nout: " + to_slot("0") +
        "r0 = 50\nexit");
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{kMayGotoMax - 1000, kMayGotoMax - 1000}));
}

/// A worker whose bursts jump into whatever stands in the slot.
uint64_t count_wrong(const jit::CompiledProgram& program, const std::atomic<bool>& done) {
    const maps::ReaderScope reader;
    vm::RunEnv env;
    std::array<TestPacket, 32> packets;
    uint64_t wrong = 0;
    while (!done.load(std::memory_order_relaxed)) {
        std::vector<vm::XdpContext> contexts;
        for (TestPacket& packet : packets) contexts.push_back(packet.context());
        std::array<uint32_t, packets.size()> verdicts{}, redirects{};
        program.run_burst(contexts, verdicts, redirects, env);
        for (const uint32_t verdict : verdicts) wrong += verdict == 7 || verdict == 8 ? 0 : 1;
        maps::reader_quiescent();
    }
    return wrong;
}

TEST(MachineCode, IsFreedOnceNoWorkerCanJumpIntoIt) {
    constexpr int kReplacements = 100;
    Joined joined(Runs::kBurst, {map_spec(vm::MapType::ProgArray, 4, 4, kSlots)});
    const auto& program = joined.add("r2 = map[0] ll\nr3 = 0\ncall tail_call\nr0 = 50\nexit");
    std::unique_ptr<jit::CompiledProgram> target = joined.make("r0 = 7\nexit");
    joined.bind(0, *target);
    std::atomic<bool> done = false;
    uint64_t wrong = UINT64_MAX;
    std::thread worker([&] { wrong = count_wrong(program, done); });
    for (int i = 0; i < kReplacements; ++i) {
        auto next = joined.make(i % 2 == 0 ? "r0 = 8\nexit" : "r0 = 7\nexit");
        joined.bind(0, *next);
        const maps::GraceToken token = maps::begin_grace();
        while (!maps::grace_passed(token)) std::this_thread::yield();
        target = std::move(next);
    }
    done = true;
    worker.join();
    EXPECT_EQ(wrong, 0u);
}

INSTANTIATE_TEST_SUITE_P(Engines, TailCall, testing::ValuesIn(kAllRuns),
                         [](const auto& run) { return name_of(run.param); });

}  // namespace
}  // namespace weir::tests
