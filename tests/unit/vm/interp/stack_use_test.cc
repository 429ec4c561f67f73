// Stack of functions, and of the chains in which they call each other.

#include "tests/unit/vm/interp/checked_fixture.h"
#include "vm/interp/loaded_program.h"

namespace weir::vm {
namespace {

std::vector<uint32_t> bytes_of(std::string_view text) {
    const Result<std::vector<Insn>> insns = assemble(text);
    EXPECT_TRUE(insns) << (insns ? "" : insns.error().message);
    const auto code = decode_program(*insns);
    EXPECT_TRUE(code);
    std::vector<RegisterUse> uses;
    for (const DecodedSlot& slot : *code) uses.push_back(register_use(slot.insn));
    std::vector<uint32_t> bytes;
    for (const StackUse& use : stack_uses(*code, uses, functions_of(*insns)))
        bytes.push_back(use.stack_bytes);
    return bytes;
}

using Bytes32 = std::vector<uint32_t>;

TEST(StackUse, SeesLoadsStoresAndAtomics) {
    EXPECT_EQ(bytes_of("r0 = 0\nexit"), Bytes32{0});
    EXPECT_EQ(bytes_of("*(u8 *)(r10 - 3) = 1\nr0 = 0\nexit"), Bytes32{3});
    EXPECT_EQ(bytes_of("r0 = *(u64 *)(r10 - 24)\n*(u64 *)(r10 - 8) = r0\nexit"), Bytes32{24});
    EXPECT_EQ(bytes_of("r1 = 1\nlock *(u64 *)(r10 - 40) += r1\nr0 = 0\nexit"), Bytes32{40});
    EXPECT_EQ(bytes_of("*(u64 *)(r10 - 520) = 1\nr0 = 0\nexit"), Bytes32{512});
}

TEST(StackUse, FollowsCopiesOfTheFramePointer) {
    EXPECT_EQ(
        bytes_of("r2 = r10\nr2 += -64\nr3 = r2\nr3 += 8\n*(u64 *)(r3 - 16) = 1\nr0 = 0\nexit"),
        Bytes32{72});
    EXPECT_EQ(bytes_of("r1 = r10\nr1 += -100\nr2 = 4\ncall 5\nexit"), Bytes32{100});
    // An address that nobody uses is none of its stack.
    EXPECT_EQ(bytes_of("r2 = r10\nr2 += -64\nr0 = 0\nexit"), Bytes32{0});
    EXPECT_EQ(bytes_of("r2 = r10\nr2 += -64\nr2 = r1\nr0 = *(u32 *)(r2 + 0)\nexit"), Bytes32{0});
    EXPECT_EQ(bytes_of("r6 = r10\nr6 += -64\ncall 5\n*(u64 *)(r6 + 0) = r0\nexit"), Bytes32{64});
}

TEST(StackUse, KnowsNothingWherePathsMeet) {
    EXPECT_EQ(bytes_of("r2 = r10\nr2 += -64\nif r1 == 0 goto out\nr2 = r1\n"
                       "out: *(u64 *)(r2 + 0) = 1\nr0 = 0\nexit"),
              Bytes32{0});
}

TEST(StackUse, TellsFunctionsApart) {
    EXPECT_EQ(bytes_of("*(u64 *)(r10 - 8) = 1\ncall f\nexit\n"
                       "f: *(u64 *)(r10 - 256) = 1\nr0 = 0\nexit"),
              (Bytes32{8, 256}));
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
              "insn 1: the call chain main (256) -> f3 (272) needs 528 bytes of stack, at most 512 "
              "are possible");
    EXPECT_EQ(fault_of(chain(8, 504)),
              "insn 1: the call chain main (16) -> f3 (512) needs 528 bytes of stack, at most 512 "
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
              "insn 6: the call chain main (256) -> f8 (272) needs 528 bytes of stack, at most 512 "
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
    maps[0]->programs.clear();
    EXPECT_EQ(fault_of(jumps(248)),
              "insn 8: a tail call with 256 bytes of stack in the frames above, expected fewer "
              "than 256");
}

}  // namespace
}  // namespace weir::vm
