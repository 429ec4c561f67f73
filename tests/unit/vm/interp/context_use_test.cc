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
              at_insn(6))
        << "by way of the caller's stack";
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
    EXPECT_EQ(result_of("if r1 != 0 goto out\n" + kNapi + "out: r0 = 3\nexit"), 3u);
    EXPECT_EQ(result_of("*(u32 *)(r10 - 4) = 7\nr2 = *(u32 *)(r10 - 4)\nif r2 == 7 goto out\n" +
                        kNapi + "out: r0 = 3\nexit"),
              3u);
    EXPECT_EQ(result_of("r6 = r1\nr1 = 0\ncall f\nif r0 == 0 goto out\nr1 = r6\n" + kNapi +
                        "out: r0 = 3\nexit\nf: r0 = r1\nexit"),
              3u);
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

TEST_F(ContextUse, LeavesCodeThatEarlierJumpsRuleOut) {
    const std::string read = "r6 = r1\nr2 = *(u32 *)(r1 + 0)\n";
    const std::string rest = "r0 = *(u32 *)(r6 + 84)\nexit\nout: r0 = 3\nexit";
    for (const char* jumps :
         {"if r2 > 5 goto out\nif r2 <= 5 goto out\n", "if r2 == 5 goto out\nif r2 != 5 goto out\n",
          "r3 = r2\nif r2 != 5 goto out\nif r3 == 5 goto out\n",
          "r3 = r2\nr3 &= 15\nif r3 != 2 goto out\nr2 &= 1\nif r2 == 0 goto out\n",
          "r2 &= 3\nif r2 <= 3 goto out\n", "r2 >>= 8\nr2 <<= 1\nr2 &= 1\nif r2 == 0 goto out\n"})
        EXPECT_EQ(refusal_of(read + jumps + rest), "") << jumps;
    EXPECT_EQ(refusal_of("r6 = r1\nr2 = *(u8 *)(r1 + 0)\nif r2 < 256 goto out\n" + rest), "");
    EXPECT_EQ(refusal_of("r6 = r1\nr2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\n"
                         "r4 += 34\nif r4 > r3 goto out\nr2 += 14\nif r2 <= r3 goto out\n" +
                         rest),
              "")
        << "what holds 34 bytes holds 14";
}

TEST_F(ContextUse, LeavesWhatIsNotSureToTheRun) {
    // An element of an array is always there.
    add_map(map_spec("counts", MapType::Array)).values[0] = Bytes(8);
    EXPECT_EQ(refusal_of("r6 = r1\n*(u32 *)(r10 - 4) = 0\nr1 = map[0] ll\nr2 = r10\nr2 += -4\n"
                         "call map_lookup_elem\nif r0 != 0 goto out\nr0 = *(u32 *)(r6 + 84)\n"
                         "exit\nout: r0 = 3\nexit"),
              "");
    EXPECT_EQ(refusal_of("r2 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r2 + 84)\nexit"), "");
    EXPECT_EQ(refusal_of("r2 = *(u8 *)(r10 - 1)\nr1 += r2\nr0 = *(u32 *)(r1 + 84)\nexit"), "");
    EXPECT_EQ(refusal_of("*(u64 *)(r10 - 8) = r1\n*(u8 *)(r10 - 6) = 0\nr2 = *(u64 *)(r10 - 8)\n"
                         "r0 = *(u32 *)(r2 + 84)\nexit"),
              "")
        << "a byte of it was overwritten";
    EXPECT_EQ(refusal_of("r2 = map[0] ll\nr0 = *(u32 *)(r2 + 84)\nexit"), "");
}

TEST_F(ContextUse, EndsOnProgramsWithoutEnd) {
    EXPECT_EQ(refusal_of("r2 = 0\nagain: r2 += 1\nif r2 < 2000000000 goto again\n" + kNapi), "");
    std::string many = "r6 = r1\n";
    for (int i = 0; i < 40; ++i)
        many += fmt::format(
            "r2 = *(u32 *)(r6 + 0)\nif r2 == {} goto next{}\nr0 = 1\nnext{}: r0 = "
            "2\n",
            i, i, i);
    EXPECT_EQ(refusal_of(many + "r0 = *(u32 *)(r6 + 84)\nexit"), at_insn(1 + 40 * 4));
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
