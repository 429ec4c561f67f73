#include <gtest/gtest.h>

#include "tests/unit/jit/joined.h"
#include "vm/base/limits.h"
#include "vm/helpers/timers.h"

namespace weir::tests {
namespace {

using Verdicts = std::vector<uint32_t>;

/// Machine code behind all that calls functions of the program, or counts over a run.
class Callback : public testing::TestWithParam<Runs> {
protected:
    /// Map 0: an array of 8-byte values; map 1: a hash.
    Joined joined_{GetParam(),
                   {map_spec(vm::MapType::Array, 4, 8, 5), map_spec(vm::MapType::Hash, 4, 8, 5)}};

    /// bpf_loop over `function`, whose context are the 16 bytes below the frame pointer.
    static std::string loop(const std::string& count, const std::string& flags = "0") {
        return "*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\nr6 = 6\nr7 = 7\nr8 = 8\nr9 = 9\n"
               "r1 = " +
               count + "\nld_pseudo r2, 4, each\nr3 = r10\nr3 += -16\nr4 = " + flags +
               "\ncall loop\nr1 = *(u64 *)(r10 - 16)\nr1 *= 1000\nr0 += r1\n"
               "r1 = *(u64 *)(r10 - 8)\nr1 *= 1000000\nr0 += r1\nr0 += r6\nr0 += r7\nr0 += r8\n"
               "r0 += r9\nr0 -= 30\nexit\n";
    }
    /// Calls at -16, sum of the indices at -8; all saved registers are written.
    static std::string sum_up() {
        return "r6 = *(u64 *)(r2 + 0)\nr6 += 1\n*(u64 *)(r2 + 0) = r6\nr7 = *(u64 *)(r2 + 8)\n"
               "r7 += r1\n*(u64 *)(r2 + 8) = r7\nr8 = 100\nr9 = 100\n*(u64 *)(r10 - 8) = 100\n";
    }
};

TEST_P(Callback, LoopsAsOftenAsItIsTold) {
    const auto& program = joined_.add(loop("5") + "each: " + sum_up() + "r0 = 0\nexit");
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{10'005'005, 10'005'005}));
    const auto& none = joined_.add(loop("0") + "each: " + sum_up() + "r0 = 0\nexit");
    EXPECT_EQ(joined_.run(none), Verdicts{0});
}

TEST_P(Callback, LoopEndsWhereTheCallbackSaysSo) {
    const auto& program = joined_.add(loop("5") + "each: r9 = r1\n" + sum_up() +
                                      "r0 = 0\nif r1 != 2 goto on\nr0 = 1\non: exit");
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{3'003'003, 3'003'003}));
}

TEST_P(Callback, LoopRefusesFlagsAndTooManyRounds) {
    const auto& flags = joined_.add(loop("5", "1") + "each: r0 = 0\nexit");
    EXPECT_EQ(joined_.run(flags), Verdicts{static_cast<uint32_t>(-EINVAL)});
    const auto& rounds = joined_.add(loop("0x800001") + "each: r0 = 0\nexit");
    EXPECT_EQ(joined_.run(rounds), Verdicts{static_cast<uint32_t>(-E2BIG)});
    const auto& most = joined_.add(loop("0x800000") + "each: r0 = 0\nexit");
    EXPECT_EQ(joined_.run(most), Verdicts{0x80'0000});
}

TEST_P(Callback, LoopsNest) {
    const auto& program = joined_.add(
        "*(u64 *)(r10 - 8) = 0\nr1 = 4\nld_pseudo r2, 4, outer\nr3 = r10\nr3 += -8\nr4 = 0\n"
        "call loop\nr0 = *(u64 *)(r10 - 8)\nexit\n"
        "outer: r6 = r1\nr7 = r2\nr1 += 1\nld_pseudo r2, 4, inner\nr3 = r7\nr4 = 0\ncall loop\n"
        "if r0 <= r6 goto bad\nr0 = 0\nexit\nbad: r0 = 1\nexit\n"
        "inner: r3 = *(u64 *)(r2 + 0)\nr3 += 1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit");
    EXPECT_EQ(joined_.run(program, 3), (Verdicts{10, 10, 10}));
}

TEST_P(Callback, CallsTheFunctionThatARunChose) {
    for (const uint32_t queue : {1u, 2u}) {
        const auto& program = joined_.add(
            "*(u64 *)(r10 - 8) = 0\nr6 = *(u32 *)(r1 + 16)\nr1 = 5\nr3 = r10\nr3 += -8\nr4 = 0\n"
            "if r6 != " +
            std::to_string(queue) +
            " goto other\nld_pseudo r2, 4, ones\ngoto on\n"
            "other: ld_pseudo r2, 4, tens\non: call loop\nr0 = *(u64 *)(r10 - 8)\nexit\n"
            "ones: r3 = *(u64 *)(r2 + 0)\nr3 += 1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit\n"
            "tens: r3 = *(u64 *)(r2 + 0)\nr3 += 10\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit");
        EXPECT_EQ(joined_.run(program), Verdicts{queue == 1 ? 5u : 50u});
    }
}

TEST_P(Callback, CallbacksCallHelpersAndFunctions) {
    const auto& program = joined_.add(
        "r1 = 4\nld_pseudo r2, 4, each\nr3 = 0\nr4 = 0\ncall loop\nr0 = 2\nexit\n"
        "each: call keep\nr0 = 0\nexit\n"
        "keep: *(u32 *)(r10 - 4) = r1\nr1 *= 11\n*(u64 *)(r10 - 16) = r1\nr1 = map[0] ll\n"
        "r2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\nr0 = 0\nexit");
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{2, 2}));
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(joined_.word(0, i), i < 4 ? i * 11 : 0) << i;
}

TEST_P(Callback, VisitsElements) {
    for (uint32_t i = 0; i < 5; ++i) {
        const uint64_t value = 10 * i;
        ASSERT_EQ(joined_.map(0).update(reinterpret_cast<const uint8_t*>(&i),
                                        reinterpret_cast<const uint8_t*>(&value), 0, 0),
                  0);
    }
    const auto& program = joined_.add(
        "*(u64 *)(r10 - 8) = 0\nr1 = map[0] ll\nld_pseudo r2, 4, each\nr3 = r10\nr3 += -8\n"
        "r4 = 0\ncall for_each_map_elem\nr1 = *(u64 *)(r10 - 8)\nr0 *= 1000\nr0 += r1\nexit\n"
        "each: r6 = *(u32 *)(r2 + 0)\nr7 = *(u64 *)(r3 + 0)\nr7 += r6\nr8 = *(u64 *)(r4 + 0)\n"
        "r8 += r7\n*(u64 *)(r4 + 0) = r8\nr0 = 0\nif r6 != 3 goto on\nr0 = 1\non: exit");
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{4066, 4066}));
}

TEST_P(Callback, MayGotoEndsWhenTheRunHasSpentThem) {
    const auto& program = joined_.add(
        "r0 = 0\nagain: may_goto next\nr0 += 1\ngoto again\n"
        "next: may_goto out\nr0 += 1\nout: exit");
    EXPECT_EQ(joined_.run(program, 2), (Verdicts{kMayGotoMax, kMayGotoMax}));
    const auto& of_function = joined_.add(
        "r0 = 0\nr6 = 0\nagain: may_goto out\nr6 += 1\nif r6 < 100 goto again\ncall f\nr0 += r6\n"
        "out: exit\nf: r0 = 0\nonce: may_goto end\nr0 += 1\ngoto once\nend: exit");
    EXPECT_EQ(joined_.run(of_function, 2), (Verdicts{kMayGotoMax, kMayGotoMax}));
}

TEST_P(Callback, CallsKernelFunctions) {
    const std::string iterate =
        "r6 = 0\nr1 = r10\nr1 += -8\nr2 = 3\nr3 = 7\ncall kfunc 7\n"
        "again: r1 = r10\nr1 += -8\ncall kfunc 8\nif r0 == 0 goto out\n"
        "r1 = *(u32 *)(r0 + 0)\nr6 += r1\ngoto again\n"
        "out: r1 = r10\nr1 += -8\ncall kfunc 9\nr0 = r6\nexit";
    EXPECT_EQ(joined_.run(joined_.add(iterate), 2), (Verdicts{18, 18}));
}

INSTANTIATE_TEST_SUITE_P(Engines, Callback, testing::ValuesIn(kAllRuns),
                         [](const auto& run) { return name_of(run.param); });

uint64_t g_now = 0;
uint64_t set_clock(clockid_t) {
    return g_now;
}

TEST(MachineCode, IsCalledByTimers) {
    for (const Runs runs : kAllRuns) {
        g_now = 1'000;
        vm::Timers timers(4, set_clock);
        vm::MapSpec spec = map_spec(vm::MapType::Array, 4, 32, 2);
        spec.timer_offset = 0;
        Joined joined(runs, {spec, map_spec(vm::MapType::Array, 4, 8, 1)});
        joined.env.timers = &timers;
        const auto& program = joined.add(
            "r6 = map[0] ll\n*(u32 *)(r10 - 4) = 1\nr1 = r6\nr2 = r10\nr2 += -4\n"
            "call map_lookup_elem\nif r0 == 0 goto out\nr7 = r0\nr1 = r7\nr2 = r6\nr3 = 1\n"
            "call timer_init\nr1 = r7\nld_pseudo r2, 4, tick\ncall timer_set_callback\nr1 = r7\n"
            "r2 = 500\nr3 = 0\ncall timer_start\nr0 = 2\nexit\nout: r0 = 0\nexit\n"
            "tick: r6 = *(u32 *)(r2 + 0)\nr7 = map[1][0]+0 ll\n*(u64 *)(r7 + 0) = r6\nr8 = r3\n"
            "r0 = 5\nagain: may_goto done\nr0 += 1\nif r0 != 300 goto again\n"
            "done: *(u64 *)(r8 + 16) = r0\nr0 = 0\nexit");
        EXPECT_EQ(joined.run(program), Verdicts{2});
        const uint32_t function = joined.verified[0]->spec().subprograms[1].insn;
        EXPECT_NE(program.runnable()->function_address(function), 0u);
        g_now = 2'000;
        EXPECT_EQ(timers.run_due(g_now, joined.env), 1u);
        EXPECT_EQ(joined.word(1), 1u) << "the key";
        const uint32_t element = 1;
        uint64_t count = 0;
        std::memcpy(&count,
                    joined.map(0).lookup(reinterpret_cast<const uint8_t*>(&element), 0) + 16, 8);
        EXPECT_EQ(count, 300u);
        EXPECT_EQ(timers.drop_program(*program.runnable()), 1u);
    }
}

TEST(MachineCode, GivesOnlyCallbacksAnAddress) {
    Joined joined(Runs::kSingle, {});
    const auto& program = joined.add(
        "r1 = 2\nld_pseudo r2, 4, each\nr3 = 0\nr4 = 0\ncall loop\ncall f\nexit\n"
        "each: r0 = 0\nexit\nf: r0 = 2\nexit");
    const auto& functions = joined.verified[0]->spec().subprograms;
    ASSERT_EQ(functions.size(), 3u);
    const auto code = program.code();
    const uint64_t address = program.runnable()->function_address(functions[1].insn);
    EXPECT_GE(address, reinterpret_cast<uint64_t>(code.data()));
    EXPECT_LT(address, reinterpret_cast<uint64_t>(code.data() + code.size()));
    EXPECT_EQ(program.runnable()->function_address(functions[2].insn), 0u);
    EXPECT_EQ(program.runnable()->function_address(0), 0u);
}

}  // namespace
}  // namespace weir::tests
