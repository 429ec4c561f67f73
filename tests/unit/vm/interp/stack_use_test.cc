// Stack that a run touches in its frames, and how much the chain of them may need.

#include "vm/interp/stack_use.h"
#include "tests/unit/vm/interp/checked_fixture.h"

namespace weir::vm {
namespace {

constexpr uint64_t below(uint32_t depth, uint32_t bytes) {
    return uint64_t{depth} * kStackBytes + bytes;
}

TEST(StackUse, CountsTheLowestByteOfEachFrame) {
    StackUse use;
    use.begin(0, 0);
    use.begin(1, 3);
    EXPECT_EQ(use.counted(0, 2), 0u);
    EXPECT_FALSE(use.grew());
    use.touch(below(0, 1));
    use.touch(below(1, 40));
    use.touch(below(1, 24));
    EXPECT_EQ(use.counted(0, 1), 16u);
    EXPECT_EQ(use.counted(1, 2), 48u);
    EXPECT_EQ(use.counted(0, 2), 64u);
    use.touch(below(0, 512));
    EXPECT_EQ(use.counted(0, 1), 512u);
}

TEST(StackUse, GrowsOnlyDownwards) {
    StackUse use;
    use.begin(0, 0);
    use.touch(below(0, 64));
    EXPECT_TRUE(use.grew());
    use.seen();
    use.touch(below(0, 64));
    use.touch(below(0, 8));
    EXPECT_FALSE(use.grew());
    use.touch(below(0, 65));
    EXPECT_TRUE(use.grew());
}

TEST(StackUse, ForgetsWhatTheFrameBeforeTouched) {
    StackUse use;
    use.begin(0, 0);
    use.begin(1, 3);
    use.touch(below(0, 16));
    use.touch(below(1, 512));
    use.begin(1, 3);
    EXPECT_EQ(use.counted(0, 2), 16u);
}

class CheckedStack : public CheckedTest {
protected:
    CheckedStack() {
        helpers.functions[181] = [](uint64_t, uint64_t function, uint64_t context, uint64_t,
                                    uint64_t, RunEnv& its_env) -> uint64_t {
            return its_env.call(its_env, function, {0, context, 0, 0, 0});
        };
    }
    /// A chain of two functions.
    static std::string chain(int first, int second) {
        return "*(u64 *)(r10 - " + std::to_string(first) +
               ") = 1\ncall f\nexit\nf: *(u64 *)(r10 - " + std::to_string(second) +
               ") = 1\nr0 = 7\nexit";
    }
};

TEST_F(CheckedStack, ChainsMayNeed512Bytes) {
    EXPECT_EQ(result_of(chain(256, 256)), 7u);
    EXPECT_EQ(result_of(chain(272, 240)), 7u);
    EXPECT_EQ(result_of(chain(8, 496)), 7u);
    EXPECT_EQ(fault_of(chain(256, 264)),
              "insn 3: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
    EXPECT_EQ(fault_of(chain(8, 504)),
              "insn 3: the call chain main (16) -> f3 (512) needs 528 bytes of stack, at most 512 "
              "are possible");
}

TEST_F(CheckedStack, OnlyWhatIsTouchedCounts) {
    EXPECT_EQ(result_of("r6 = 0\nif r6 == 0 goto on\n*(u64 *)(r10 - 400) = 1\non: call f\nexit\n"
                        "f: *(u64 *)(r10 - 200) = 1\nr0 = 7\nexit"),
              7u);
    EXPECT_EQ(result_of("r1 = r10\nr1 += -400\ncall f\nexit\n"
                        "f: *(u64 *)(r10 - 200) = 1\nr0 = 7\nexit"),
              7u);
}

TEST_F(CheckedStack, LoadsAndAtomicsCount) {
    EXPECT_EQ(fault_of("r1 = *(u64 *)(r10 - 256)\ncall f\nexit\nf: r0 = *(u8 *)(r10 - 257)\nexit"),
              "insn 3: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
    EXPECT_EQ(fault_of("*(u64 *)(r10 - 256) = 1\ncall f\nexit\n"
                       "f: r1 = 1\nlock *(u64 *)(r10 - 264) += r1\nr0 = 0\nexit"),
              "insn 4: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
}

TEST_F(CheckedStack, CalleesMayReachIntoTheirCallersFrames) {
    const auto reaching = [](int bytes) {
        return "r1 = r10\nr1 += -" + std::to_string(bytes) +
               "\ncall f\nexit\n"
               "f: *(u64 *)(r10 - 256) = 1\n*(u64 *)(r1 + 0) = 1\nr0 = 7\nexit";
    };
    EXPECT_EQ(result_of(reaching(256)), 7u);
    EXPECT_EQ(fault_of(reaching(264)),
              "insn 5: the call chain main (272) -> f4 (256) needs 528 bytes of stack, at most 512 "
              "are possible");
}

TEST_F(CheckedStack, MemoryOfHelpersCounts) {
    add_map(map_spec("numbers", MapType::Hash));
    const auto asking = [](int bytes) {
        return "*(u64 *)(r10 - 256) = 1\ncall f\nexit\nf: r1 = map[0] ll\nr2 = r10\nr2 += -" +
               std::to_string(bytes) + "\ncall map_lookup_elem\nr0 = 7\nexit";
    };
    EXPECT_EQ(result_of(asking(256)), 7u);
    EXPECT_EQ(fault_of(asking(264)),
              "insn 7: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
}

TEST_F(CheckedStack, OnlyFramesThatAreOpenCount) {
    EXPECT_EQ(result_of("*(u64 *)(r10 - 256) = 1\ncall f\ncall f\nexit\n"
                        "f: *(u64 *)(r10 - 256) = 1\nr0 = 7\nexit"),
              7u);
}

TEST_F(CheckedStack, CallbacksAreOfTheChain) {
    const auto looped = [](int bytes) {
        return "*(u64 *)(r10 - 256) = 1\nr1 = 1\nld_pseudo r2, 4, 5\nr3 = 0\nr4 = 0\ncall loop\n"
               "exit\n*(u64 *)(r10 - " +
               std::to_string(bytes) + ") = 1\nr0 = 0\nexit";
    };
    EXPECT_EQ(result_of(looped(256)), 0u);
    EXPECT_EQ(fault_of(looped(264)),
              "insn 8: the call chain main (256) -> f8 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
}

TEST_F(CheckedStack, ObjectsThatHelpersMakeCount) {
    helpers.kfuncs[7] = [](uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) -> uint64_t {
        return 0;
    };
    helpers.kfuncs[9] = helpers.kfuncs[7];
    const auto making = [](int bytes) {
        const std::string at = "r1 = r10\nr1 += -" + std::to_string(bytes);
        return "*(u64 *)(r10 - 256) = 1\ncall f\nexit\nf: " + at +
               "\nr2 = 0\nr3 = 1\ncall kfunc 7\n" + at + "\ncall kfunc 9\nr0 = 7\nexit";
    };
    EXPECT_EQ(result_of(making(256)), 7u);
    EXPECT_EQ(fault_of(making(264)),
              "insn 7: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
}

TEST_F(CheckedStack, TailCallsNeedRoomAbove) {
    add_map({.name = "jumps",
             .type = MapType::ProgArray,
             .key_bytes = 4,
             .value_bytes = 4,
             .entries_max = 4});
    const auto jumps = [](int bytes) {
        return "r6 = r1\n*(u64 *)(r10 - " + std::to_string(bytes) +
               ") = 1\nr1 = r6\ncall f\nexit\n"
               "f: r2 = map[0] ll\nr3 = 1\ncall tail_call\nr0 = 3\nexit";
    };
    const auto target = load("*(u64 *)(r10 - 512) = 1\nr0 = 9\nexit");
    maps[0]->programs[1] = target.get();
    EXPECT_EQ(result_of(jumps(240)), 9u);
    EXPECT_EQ(fault_of(jumps(248)),
              "insn 8: a tail call with 256 bytes of stack in the frames above, expected fewer "
              "than 256");
    const auto deep = load(
        "*(u64 *)(r10 - 256) = 1\ncall f\nexit\n"
        "f: *(u64 *)(r10 - 264) = 1\nr0 = 0\nexit");
    maps[0]->programs[1] = deep.get();
    EXPECT_EQ(fault_of(jumps(240)),
              "insn 3: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
    maps[0]->programs.clear();
    EXPECT_EQ(fault_of(jumps(248)),
              "insn 8: a tail call with 256 bytes of stack in the frames above, expected fewer "
              "than 256");
}

}  // namespace
}  // namespace weir::vm
