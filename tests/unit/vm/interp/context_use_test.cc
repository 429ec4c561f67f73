// Which programs are refused before they run, for a field of their context that nobody can give.
#include "vm/interp/context_use.h"

#include <fmt/format.h>

#include "tests/unit/vm/interp/checked_fixture.h"

namespace weir::vm {
namespace {

constexpr const char* kNoNapi =
    "context: load of 4 bytes at offset 84: field napi_id of __sk_buff is known only to a socket "
    "of the host";
const std::string kNapi = "r0 = *(u32 *)(r1 + 84)\nexit\n";

class ContextUse : public CheckedTest {
protected:
    ContextUse() { type = ProgramType::SocketFilter; }

    /// Why the program is refused before it runs; empty: it is not.
    std::string refusal_of(std::string_view text) {
        const auto made = make(text);
        return made ? "" : made.error().message;
    }
    static std::string at_insn(uint32_t insn) {
        return fmt::format("test: insn {}: {}", insn, kNoNapi);
    }
};

TEST_F(ContextUse, FindsTheContextWhereItIsMoved) {
    EXPECT_EQ(refusal_of(kNapi), at_insn(0));
    EXPECT_EQ(refusal_of("r6 = r1\nr0 = *(u32 *)(r6 + 84)\nexit"), at_insn(1));
    EXPECT_EQ(refusal_of("r1 += 80\nr0 = *(u32 *)(r1 + 4)\nexit"), at_insn(1));
    EXPECT_EQ(refusal_of("r2 = 84\nr2 += r1\nr0 = *(u32 *)(r2 + 0)\nexit"), at_insn(2));
    EXPECT_EQ(refusal_of("*(u64 *)(r10 - 8) = r1\ncall ktime_get_ns\nr2 = *(u64 *)(r10 - 8)\n"
                         "r0 = *(u32 *)(r2 + 84)\nexit"),
              at_insn(3));
}

TEST_F(ContextUse, FindsTheContextInFunctionsThatGetIt) {
    EXPECT_EQ(refusal_of("call f\nexit\nf: r0 = *(u32 *)(r1 + 84)\nexit"), at_insn(2));
    EXPECT_EQ(refusal_of("r6 = r1\nr1 = 5\nr2 = r6\ncall f\nr0 = *(u32 *)(r6 + 84)\nexit\n"
                         "f: r6 = 1\nr0 = r6\nexit"),
              at_insn(4))
        << "r6 is the caller's again";
    EXPECT_EQ(refusal_of("*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\ncall f\nexit\n"
                         "f: r1 = *(u64 *)(r1 + 0)\nr0 = *(u32 *)(r1 + 84)\nexit"),
              "")
        << "what a function reads through its caller's stack is not followed";
    EXPECT_EQ(refusal_of("*(u64 *)(r10 - 8) = r1\ncall f\nr1 = *(u64 *)(r10 - 8)\n"
                         "r0 = *(u32 *)(r1 + 84)\nexit\nf: r0 = 0\nexit"),
              at_insn(3))
        << "a function that gets no stack leaves it";
}

TEST_F(ContextUse, FollowsJumpsThatMayGoBothWays) {
    EXPECT_EQ(refusal_of("r6 = r1\nr2 = *(u32 *)(r1 + 16)\nif r2 != 8 goto out\n"
                         "r0 = *(u32 *)(r6 + 84)\nexit\nout: r0 = 0\nexit"),
              at_insn(3));
    EXPECT_EQ(refusal_of("r6 = r1\nr2 = *(u32 *)(r1 + 0)\nif r2 == 1 goto out\n"
                         "if r2 == 2 goto out\nif r2 > 100 goto out\nif r2 < 100 goto out\n"
                         "r0 = *(u32 *)(r6 + 84)\nexit\nout: r0 = 0\nexit"),
              at_insn(6))
        << "100 gets there";
    EXPECT_EQ(refusal_of("r6 = r1\nr2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr2 += 34\n"
                         "if r2 > r3 goto out\nr4 = *(u8 *)(r2 - 20)\nr4 >>= 4\n"
                         "if r4 != 6 goto out\nr0 = *(u32 *)(r6 + 84)\nexit\nout: r0 = 0\nexit"),
              at_insn(8));
    EXPECT_EQ(refusal_of("r6 = r1\ncall get_prandom_u32\nr0 <<= 32\nr0 s>>= 32\n"
                         "if r0 s< 0 goto out\nr0 = 1\nexit\nout: r0 = *(u32 *)(r6 + 84)\nexit"),
              at_insn(7));
}

TEST_F(ContextUse, LeavesCodeThatConstantsRuleOut) {
    EXPECT_EQ(result_of("r2 = 0\nif r2 == 0 goto out\n" + kNapi + "out: r0 = 3\nexit"), 3u);
    EXPECT_EQ(result_of("*(u64 *)(r10 - 8) = 7\nr2 = *(u64 *)(r10 - 8)\nif r2 == 7 goto out\n" +
                        kNapi + "out: r0 = 3\nexit"),
              3u);
    EXPECT_EQ(result_of("w2 = -1\nr2 >>= 31\nr2 += r2\nif r2 s< 3 goto out\n" + kNapi +
                        "out: r0 = 3\nexit"),
              3u);
    EXPECT_EQ(refusal_of("r6 = r1\nr1 = 0\ncall f\nif r0 == 0 goto out\nr1 = r6\n" + kNapi +
                         "out: r0 = 3\nexit\nf: r0 = r1\nexit"),
              at_insn(5))
        << "results of functions are not known";
    EXPECT_EQ(refusal_of("r6 = r1\nr2 = 1\nr3 = *(u32 *)(r1 + 0)\nif r3 == 0 goto meet\nr2 = 2\n"
                         "meet: if r2 == 1 goto out\nr0 = *(u32 *)(r6 + 84)\nexit\n"
                         "out: r0 = 3\nexit"),
              at_insn(6))
        << "two constants meet";
}

TEST_F(ContextUse, KeepsTheStackThatHelpersOnlyRead) {
    add_map(map_spec("counts", MapType::Array)).values[0] = Bytes(8);
    const std::string spill = "r6 = r1\n*(u64 *)(r10 - 8) = 0\n*(u32 *)(r10 - 12) = 0\n";
    const std::string rest =
        "r2 = *(u64 *)(r10 - 8)\nif r2 == 0 goto out\nr0 = *(u32 *)(r6 + 84)\nexit\n"
        "out: r0 = 3\nexit";
    EXPECT_EQ(
        refusal_of(spill + "r1 = map[0] ll\nr2 = r10\nr2 += -12\ncall map_lookup_elem\n" + rest),
        "");
    EXPECT_EQ(
        refusal_of(spill + "r2 = 0\nr3 = r10\nr3 += -8\nr4 = 4\ncall skb_load_bytes\n" + rest),
        at_insn(10))
        << "it writes there";
}

TEST_F(ContextUse, KnowsWhatStandsInFrozenMaps) {
    MapSpec rodata = map_spec(".rodata", MapType::Array);
    rodata.is_global_data = rodata.frozen = true;
    rodata.flags = kMapRdonlyProg;
    rodata.contents = {0, 0, 0, 0, 1, 0, 0, 0};
    add_map(rodata).values[0] = rodata.contents;
    const std::string off = "r2 = map[0][0] + 0 ll\nr2 = *(u32 *)(r2 + 0)\nif r2 == 0 goto out\n";
    const std::string on = "r2 = map[0][0] + 4 ll\nr2 = *(u32 *)(r2 + 0)\nif r2 == 0 goto out\n";
    EXPECT_EQ(refusal_of(off + kNapi + "out: r0 = 3\nexit"), "");
    EXPECT_EQ(refusal_of(on + kNapi + "out: r0 = 3\nexit"), at_insn(4));
    MapSpec data = rodata;
    data.frozen = false;
    add_map(data).values[0] = data.contents;
    EXPECT_EQ(refusal_of("r2 = map[1][0] + 0 ll\nr2 = *(u32 *)(r2 + 0)\nif r2 == 0 goto out\n" +
                         kNapi + "out: r0 = 3\nexit"),
              at_insn(4))
        << "anybody may write there";
}

TEST_F(ContextUse, RefusesWhatOnlyRangesRuleOut) {
    const std::string read = "r6 = r1\nr2 = *(u32 *)(r1 + 0)\n";
    const std::string rest = "r0 = *(u32 *)(r6 + 84)\nexit\nout: r0 = 3\nexit";
    EXPECT_EQ(refusal_of(read + "if r2 > 5 goto out\nif r2 <= 5 goto out\n" + rest), at_insn(4));
    EXPECT_EQ(refusal_of(read + "r2 &= 3\nif r2 <= 3 goto out\n" + rest), at_insn(4));
    // An element of an array is always there.
    add_map(map_spec("counts", MapType::Array)).values[0] = Bytes(8);
    EXPECT_EQ(refusal_of("r6 = r1\n*(u32 *)(r10 - 4) = 0\nr1 = map[0] ll\nr2 = r10\nr2 += -4\n"
                         "call map_lookup_elem\nif r0 != 0 goto out\n" +
                         rest),
              at_insn(8));
}

TEST_F(ContextUse, KeepsOffsetsWithinTheKernelsBound) {
    EXPECT_EQ(refusal_of("r2 = 9223372036854775807 ll\nr1 += r2\nr0 = *(u32 *)(r1 + 84)\nexit"),
              "");
    EXPECT_EQ(refusal_of("r2 = 9223372036854775807 ll\nr1 += r2\nr1 += r2\nr1 += 2\n"
                         "r0 = *(u32 *)(r1 + 84)\nexit"),
              "")
        << "one that was lost stays lost";
    EXPECT_EQ(refusal_of("r2 = -9223372036854775807 ll\nr1 -= r2\nr0 = *(u32 *)(r1 + 84)\nexit"),
              "");
    EXPECT_EQ(refusal_of("r10 += 2147483647\n*(u64 *)(r10 + 32767) = 1\nr0 = 0\nexit"), "");
    EXPECT_EQ(refusal_of("r1 += 536870911\nr1 -= 536870911\n" + kNapi), at_insn(2));
}

TEST_F(ContextUse, FollowsTheContextThroughTheStack) {
    const std::string spill = "*(u64 *)(r10 - 16) = r1\n";
    const std::string fill = "r1 = *(u64 *)(r10 - 16)\nr0 = *(u32 *)(r1 + 84)\nexit\n";
    EXPECT_EQ(refusal_of(spill + "*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 24) = 0\n" + fill),
              at_insn(4));
    EXPECT_EQ(refusal_of(spill + "r2 = r10\nr2 += -20\n*(u32 *)(r2 + 0) = 0\n" + fill), at_insn(5));
    EXPECT_EQ(refusal_of(spill + "*(u64 *)(r10 - 20) = 0\n" + fill), "") << "half of it";
    EXPECT_EQ(refusal_of(spill + "r2 = 1\nlock *(u64 *)(r10 - 16) += r2\n" + fill), "");
    const std::string anywhere = "r3 = *(u32 *)(r1 + 0)\nr2 = r10\nr2 -= r3\n";
    EXPECT_EQ(refusal_of(spill + anywhere + "*(u8 *)(r2 + 0) = 0\n" + fill), "");
    EXPECT_EQ(refusal_of(spill + anywhere +
                         "r3 = r2\nr2 = 0\nr4 = 4\n"
                         "call skb_load_bytes\n" +
                         fill),
              "")
        << "a helper may write there";
    EXPECT_EQ(refusal_of(spill + anywhere + "r1 = r2\ncall f\n" + fill + "f: r0 = 0\nexit"), "")
        << "a function may";
    EXPECT_EQ(refusal_of(spill + "r2 = *(u32 *)(r1 + 76)\n*(u64 *)(r2 + 0) = 0\n" + fill),
              at_insn(4))
        << "the packet is not the stack";
}

TEST_F(ContextUse, LeavesTwoOffsetsThatMeetToTheRun) {
    const std::string read = "f: r0 = *(u32 *)(r1 + 84)\nexit";
    EXPECT_EQ(refusal_of("r6 = r1\ncall f\nr1 = r6\nr1 += -84\ncall f\nexit\n" + read), "");
    EXPECT_EQ(refusal_of("r6 = r1\ncall f\nr1 = r6\ncall f\nexit\n" + read), at_insn(5));
    EXPECT_EQ(refusal_of("r6 = 0\nagain: r0 = *(u32 *)(r1 + 84)\nr1 += -4\nr6 += 1\n"
                         "if r6 < 22 goto again\nexit"),
              "");
    EXPECT_EQ(refusal_of("r6 = 0\nagain: r0 = *(u32 *)(r1 + 84)\nr6 += 1\n"
                         "if r6 < 22 goto again\nexit"),
              at_insn(1));
}

TEST_F(ContextUse, WalksCallbacksWithoutTheirArguments) {
    const auto loop = [](int to_callback) {
        return fmt::format(
            "r6 = r1\nr1 = 4\nld_pseudo r2, 4, {}\nr3 = r10\nr3 += -8\nr4 = 0\n"
            "*(u64 *)(r10 - 8) = r6\ncall loop\n",
            to_callback);
    };
    EXPECT_EQ(refusal_of(loop(8) + "r0 = 0\nexit\nr1 = *(u64 *)(r2 + 0)\n" + kNapi), "");
    EXPECT_EQ(refusal_of(loop(9) + "r1 = *(u64 *)(r10 - 8)\n" + kNapi + "r0 = 0\nexit"), "")
        << "it may have written there";
    EXPECT_EQ(refusal_of(loop(8) + "r0 = *(u32 *)(r6 + 84)\nexit\nr0 = 0\nexit"), at_insn(9));
}

TEST_F(ContextUse, LeavesWhatIsNotSureToTheRun) {
    add_map(map_spec("counts", MapType::Array)).values[0] = Bytes(8);
    EXPECT_EQ(refusal_of("r2 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r2 + 84)\nexit"), "");
    EXPECT_EQ(refusal_of("r2 = *(u8 *)(r10 - 1)\nr1 += r2\nr0 = *(u32 *)(r1 + 84)\nexit"), "");
    EXPECT_EQ(refusal_of("*(u64 *)(r10 - 8) = r1\n*(u8 *)(r10 - 6) = 0\nr2 = *(u64 *)(r10 - 8)\n"
                         "r0 = *(u32 *)(r2 + 84)\nexit"),
              "")
        << "a byte of it was overwritten";
    EXPECT_EQ(refusal_of("r2 = map[0] ll\nr0 = *(u32 *)(r2 + 84)\nexit"), "");
}

TEST_F(ContextUse, EndsOnProgramsWithoutEnd) {
    EXPECT_EQ(refusal_of("r2 = 0\nagain: r2 += 1\nif r2 < 2000000000 goto again\n" + kNapi),
              at_insn(3));
    EXPECT_EQ(refusal_of("again: goto again\n" + kNapi), "");
    std::string many = "r6 = r1\n";
    for (int i = 0; i < 40; ++i)
        many += fmt::format(
            "r2 = *(u32 *)(r6 + 0)\nif r2 == {} goto next{}\nr0 = 1\nnext{}: r0 = "
            "2\n",
            i, i, i);
    EXPECT_EQ(refusal_of(many + "r0 = *(u32 *)(r6 + 84)\nexit"), at_insn(1 + 40 * 4));
}

/// Jumps to as many places, before a field that nobody can give.
std::string jumps(int count) {
    std::string text = "r6 = r1\nr2 = *(u32 *)(r1 + 0)\n";
    for (int i = 0; i < count; ++i)
        text += fmt::format("if r2 == {} goto next{}\nr3 = 2\nnext{}: r3 = 1\n", i, i, i);
    return text + "r0 = *(u32 *)(r6 + 84)\nexit";
}

TEST_F(ContextUse, GivesUpOnProgramsThatTakeTooLong) {
    EXPECT_EQ(refusal_of(jumps(20'000)), at_insn(2 + 20'000 * 3));
    EXPECT_EQ(refusal_of(jumps(60'000)), "") << "too many places";
    // Each time the outermost loop comes back one more register differs, in all that follows.
    std::string again = "r6 = r1\n*(u64 *)(r10 - 512) = 1\n";
    for (int at = 512; at > 8; at -= 8) again += fmt::format("*(u64 *)(r10 - {}) = 1\n", at - 8);
    again += "again: r2 = *(u32 *)(r6 + 0)\n";
    for (int at = 8; at < 512; at += 8)
        again += fmt::format("r3 = *(u64 *)(r10 - {})\n*(u64 *)(r10 - {}) = r3\n", at + 8, at);
    again += "*(u64 *)(r10 - 512) = r2\n";
    for (int i = 0; i < 10'000; ++i)
        again += fmt::format("if r2 == {} goto next{}\nr4 = 2\nnext{}: r4 = 1\n", i, i, i);
    const std::string end =
        "\nif r2 == 5 goto again2\nr0 = *(u32 *)(r6 + 84)\nexit\n"
        "again2: goto again";
    EXPECT_EQ(refusal_of(again + end), "") << "too much work";
}

TEST_F(ContextUse, NamesFieldsOfXdpToo) {
    type = ProgramType::Xdp;
    const std::string egress = "r0 = *(u32 *)(r1 + 20)\nexit";
    EXPECT_EQ(refusal_of(egress),
              "test: insn 0: context: load of 4 bytes at offset 20: field egress_ifindex of xdp_md "
              "is known only to programs of section xdp/devmap");
    EXPECT_EQ(refusal_of("*(u32 *)(r1 + 0) = 1\nexit"),
              "test: insn 0: context: store of 4 bytes at offset 0: field data of xdp_md is "
              "read-only");
    hook = XdpHook::Devmap;
    EXPECT_EQ(refusal_of(egress), "");
}

}  // namespace
}  // namespace weir::vm
