// Programs that go wrong, and what is found of them.

#include "controlplane/cli/counterexample.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "controlplane/cli/search_run.h"
#include "vm/isa/assemble.h"

namespace weir::controlplane::cli {
namespace {

vm::ProgramSpec program_of(std::string_view text) {
    vm::ProgramSpec program;
    program.name = "test";
    const auto insns = vm::assemble(text);
    EXPECT_TRUE(insns) << (insns ? "" : insns.error().message);
    if (!insns) return program;
    program.insns = *insns;
    program.subprograms = {{"test", 0}};
    vm::MapSpec flows;
    flows.name = "flows";
    flows.type = vm::MapType::Hash;
    flows.key_bytes = 4;
    flows.value_bytes = 8;
    flows.entries_max = 1'000'000;
    vm::MapSpec state;
    state.name = ".bss";
    state.type = vm::MapType::Array;
    state.key_bytes = 4;
    state.value_bytes = 16;
    state.entries_max = 1;
    state.is_global_data = true;
    program.maps = {flows, state};
    return program;
}

std::optional<Counterexample> example_of(std::string_view text) {
    const vm::ProgramSpec program = program_of(text);
    const auto proof = vm::verify(program);
    EXPECT_FALSE(proof) << text;
    if (proof) return std::nullopt;
    const auto example =
        find_counterexample(program, proof.error(), {.runs_max = 500, .time_ms_max = 60'000})
            .example;
    const bool goes_on = example && (example->what.contains(" never ends: ") ||
                                     example->what.contains(" runs for more than "));
    if (example && !goes_on) {
        EXPECT_EQ(example->insn, proof.error().insn) << example->what;
    }
    return example;
}

std::string what_of(std::string_view text) {
    const auto example = example_of(text);
    return example ? example->what : "nothing";
}

constexpr const char* kData = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\n";

/// An IPv4 packet of TCP to port 80 whose byte 54 is not compared.
TEST(Counterexample, FollowsThePathThroughThePacket) {
    const auto example = example_of(std::string(kData) +
                                    "r4 = r2\nr4 += 54\nif r4 > r3 goto out\n"
                                    "r5 = *(u16 *)(r2 + 12)\nif r5 != 8 goto out\n"
                                    "r5 = *(u8 *)(r2 + 23)\nif r5 != 6 goto out\n"
                                    "r5 = *(u16 *)(r2 + 36)\nr5 = be16 r5\nif r5 != 80 goto out\n"
                                    "r0 = *(u8 *)(r2 + 54)\nexit\nout: r0 = 1\nexit");
    ASSERT_TRUE(example);
    Bytes packet(54);
    packet[12] = 8;
    packet[23] = 6;
    packet[37] = 80;
    EXPECT_EQ(example->packet, packet);
    EXPECT_TRUE(example->what.ends_with(" reads packet byte 54 at insn 12")) << example->what;
}

TEST(Counterexample, IsAsSmallAsItCanBe) {
    EXPECT_EQ(what_of(std::string(kData) + "r0 = *(u8 *)(r2 + 100)\nexit"),
              "a 14-byte packet of zeroes reads packet byte 100 at insn 2");
}

TEST(Counterexample, SpeaksOfPacketsWithTheRightArticle) {
    const auto packet_of = [](int bytes) {
        const std::string text = fmt::format(
            "{}r4 = r2\nr4 += {}\nif r4 > r3 goto out\nr0 = *(u8 *)(r2 + {})\nexit\n"
            "out: r0 = 1\nexit",
            kData, bytes, bytes);
        const std::string what = what_of(text);
        return what.substr(0, what.find(" of "));
    };
    EXPECT_EQ(packet_of(17), "a 17-byte packet");
    EXPECT_EQ(packet_of(18), "an 18-byte packet");
    EXPECT_EQ(packet_of(80), "an 80-byte packet");
    EXPECT_EQ(packet_of(118), "a 118-byte packet");
}

TEST(Counterexample, MakesAnIndexTooLarge) {
    EXPECT_EQ(what_of(std::string(kData) +
                      "r4 = r2\nr4 += 34\nif r4 > r3 goto out\nr5 = *(u8 *)(r2 + 14)\nr5 &= 15\n"
                      "r5 <<= 2\nr2 += r5\nr0 = *(u16 *)(r2 + 14)\nexit\nout: r0 = 1\nexit"),
              "a 34-byte packet (hex 05 at 14, else zeroes) reads packet bytes "
              "34 to 35 at insn 9");
}

constexpr const char* kLookUp =
    "r6 = r1\nr7 = *(u32 *)(r1 + 12)\n*(u32 *)(r10 - 4) = r7\nr2 = r10\nr2 += -4\n"
    "r1 = map[0] ll\ncall map_lookup_elem\n";

TEST(Counterexample, SaysWhichMapsMustBeEmpty) {
    EXPECT_EQ(what_of(std::string(kLookUp) + "r0 = *(u64 *)(r0 + 0)\nexit"),
              "a 14-byte packet of zeroes with flows empty leads insn 8 to a load of 8 bytes at "
              "null +0");
}

TEST(Counterexample, FillsMapsWithWhatLeadsOn) {
    const std::string what = what_of(std::string(kLookUp) +
                                     "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 4)\n"
                                     "if r1 != 7 goto out\nr0 = *(u8 *)(r0 + 8)\nexit\n"
                                     "out: r0 = 1\nexit");
    EXPECT_EQ(
        what,
        "a 14-byte packet of zeroes with flows[0x01000000] = 0x0000000007000000 leads insn 11 "
        "to a load of 1 byte at map value of flows +8, which ends at 8");
}

TEST(Counterexample, ChoosesGlobalDataContextAndHelpers) {
    const std::string what = what_of(
        "r6 = *(u32 *)(r1 + 16)\nif r6 != 3 goto out\nr1 = map[1][0] + 0x4 ll\n"
        "r7 = *(u32 *)(r1 + 0)\nif r7 != 9 goto out\ncall get_prandom_u32\n"
        "if r0 != 5 goto out\nr0 = *(u64 *)(r10 + 0)\nexit\nout: r0 = 1\nexit");
    EXPECT_EQ(what,
              "a 14-byte packet of zeroes with .bss+4 = 0x09, rx_queue_index 3 and get_prandom_u32 "
              "giving 5 leads insn 8 to a load of 8 bytes at stack +0, which ends at 0");
}

TEST(Counterexample, LetsCallsFail) {
    EXPECT_EQ(
        what_of("r2 = 0\ncall xdp_adjust_head\nif r0 == 0 goto out\nr0 = *(u64 *)(r10 + 8)\n"
                "exit\nout: r0 = 1\nexit"),
        "a 14-byte packet of zeroes with xdp_adjust_head giving -22 leads insn 3 to a load of "
        "8 bytes at stack +8, which ends at 0");
}

TEST(Counterexample, ShowsLoopsThatComeBackToWhatTheyWere) {
    EXPECT_EQ(what_of("r1 = 1\nagain: r1 = 1\ngoto again"),
              "a 14-byte packet of zeroes never ends: insn 1 comes again and nothing has changed");
    EXPECT_EQ(what_of("r6 = *(u32 *)(r1 + 16)\n*(u64 *)(r10 - 8) = 0\n"
                      "again: r7 = *(u64 *)(r10 - 8)\nr7 ^= 1\n*(u64 *)(r10 - 8) = r7\n"
                      "if r6 == 9 goto again\nr0 = 1\nexit"),
              "a 14-byte packet of zeroes with rx_queue_index 9 never ends: insn 3 comes again and "
              "nothing has changed");
}

/// What changes outside of the machine may end the loop one day.
TEST(Counterexample, CountsTheRoundsOfLoopsThatAskOthers) {
    EXPECT_EQ(what_of("again: call ktime_get_ns\nif r0 != 7 goto again\nr0 = 1\nexit"),
              "a 14-byte packet of zeroes runs for more than 1 million instructions round insn 0");
}

TEST(Counterexample, ShowsStackThatNobodyWrote) {
    EXPECT_EQ(what_of("*(u32 *)(r10 - 8) = 1\nr0 = *(u64 *)(r10 - 8)\nexit"),
              "a 14-byte packet of zeroes makes insn 1 read stack at r10-4, which nothing has "
              "written");
    vm::ProgramSpec calling =
        program_of("r1 = r10\nr1 += -8\ncall f\nexit\nf: r0 = *(u64 *)(r1 + 0)\nexit");
    calling.subprograms.push_back({"f", 4});
    const auto proof = vm::verify(calling);
    ASSERT_FALSE(proof);
    EXPECT_EQ(verdict_text(find_counterexample(calling, proof.error())),
              "unsafe: a 14-byte packet of zeroes makes insn 4 read stack at r10-8 of a caller, "
              "which nothing has written");
}

TEST(Counterexample, ShowsAddressesThatGoOut) {
    EXPECT_EQ(what_of("r0 = *(u32 *)(r1 + 12)\nif r0 == 77 goto leak\nexit\nleak: r0 = r10\nexit"),
              "a 14-byte packet of zeroes with ingress_ifindex 77 leads to insn 4, which returns "
              "an address");
    EXPECT_EQ(what_of("*(u32 *)(r10 - 8) = r1\nr0 = 0\nexit"), "nothing");
    EXPECT_EQ(what_of("*(u64 *)(r10 - 8) = r10\nr2 = 0\nr2 = xchg_64(r10 - 8, r2)\nr0 = 0\nexit"),
              "nothing");
    EXPECT_EQ(what_of(std::string(kData) + "r4 = r2\nr4 += 8\nif r4 > r3 goto out\n"
                                           "*(u64 *)(r2 + 0) = r1\nout: r0 = 1\nexit"),
              "a 14-byte packet of zeroes leads to insn 5, which stores an address where others "
              "read it");
}

/// Frames are 14 bytes at least, so that this cannot go wrong.
TEST(Counterexample, ClaimsNothingThatNoRunShows) {
    EXPECT_EQ(what_of(std::string(kData) + "r0 = *(u8 *)(r2 + 13)\nexit"), "nothing");
    EXPECT_EQ(what_of("r0 = r1\nr0 *= 2\nr0 = 0\nexit"), "nothing");
}

TEST(Counterexample, SaysWhyThereIsNone) {
    EXPECT_EQ(verdict_text({Counterexample{{}, 3, "a packet"}, {}}), "unsafe: a packet");
    vm::ProgramSpec program = program_of("r0 = *(u32 *)(r1 + 24)\nexit");
    vm::Rejection rejection;
    rejection.rule = "context-access";
    EXPECT_EQ(verdict_text(find_counterexample(program, rejection)),
              "not proven: it is refused whatever packets come");
    rejection.insn = 1;
    EXPECT_EQ(verdict_text(find_counterexample(program, rejection)),
              "not proven: it could not be run either: test: insn 0: context: load of 4 bytes at "
              "offset 24: xdp_md has no field there, its size is 24");
    program = program_of("r0 = 0\nexit");
    EXPECT_EQ(verdict_text(find_counterexample(program, rejection)),
              "not proven: packets of 14 or more bytes come to insn 1, but none was found that "
              "breaks the rule, which proves nothing");
    program = program_of("r0 = 0\nexit\nr0 = *(u32 *)(r1 + 0)\nexit");
    rejection.insn = 2;
    EXPECT_EQ(verdict_text(find_counterexample(program, rejection)),
              "not proven: no packet of 14 or more bytes was found that comes to insn 2, which "
              "proves nothing");
    rejection.rule = "malformed";
    EXPECT_EQ(verdict_text(find_counterexample(program, rejection)),
              "not proven: it is refused whatever packets come");
}

TEST(Counterexample, MovesPointersTooFar) {
    const vm::ProgramSpec program =
        program_of(std::string(kData) +
                   "r4 = r2\nr4 += 16\nif r4 > r3 goto out\nr5 = *(u64 *)(r2 + 0)\n"
                   "r2 += r5\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n"
                   "r0 = *(u8 *)(r2 + 0)\nexit\nout: r0 = 1\nexit");
    const auto proof = vm::verify(program);
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().rule, "pointer-arithmetic");
    const SearchOutcome search = find_counterexample(program, proof.error());
    ASSERT_TRUE(search.example) << search.why_not;
    EXPECT_EQ(search.example->insn, 10u) << search.example->what;
}

/// Nobody asks the update whether it went well.
TEST(Counterexample, LetsCallsFailThatNobodyAsks) {
    EXPECT_EQ(what_of("*(u32 *)(r10 - 4) = 0\n*(u64 *)(r10 - 16) = 1\nr1 = map[0] ll\nr2 = r10\n"
                      "r2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\n"
                      "r1 = map[0] ll\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n"
                      "r0 = *(u64 *)(r0 + 0)\nr0 = 1\nexit"),
              "a 14-byte packet of zeroes with flows empty and map_update_elem giving -12 leads "
              "insn 15 to a load of 8 bytes at null +0");
}

/// Names of DNS: labels of length 0 end them, but not those of which that is only the lower bits.
TEST(Counterexample, FindsTheRoundThatDoesNotMove) {
    EXPECT_EQ(what_of(std::string(kData) +
                      "r4 = r2\nr4 += 1\nif r4 > r3 goto out\n"
                      "again: r5 = *(u8 *)(r2 + 0)\nif r5 == 0 goto out\nr5 &= 63\nr2 += r5\n"
                      "r4 = r2\nr4 += 1\nif r4 <= r3 goto again\nout: r0 = 1\nexit"),
              "a 14-byte packet (hex 01c0 and zeroes) never ends: insn 8 comes again and nothing "
              "has changed");
}

/// The rounds come from the packet, and no small number of them would do.
TEST(Counterexample, TriesTheLargestNumbers) {
    const std::string what =
        what_of(std::string(kData) +
                "r4 = r2\nr4 += 16\nif r4 > r3 goto out\nr5 = *(u64 *)(r2 + 0)\n"
                "r6 = 0\nr7 = 1\nagain: r6 += r7\nr7 ^= 3\nif r6 < r5 goto again\n"
                "out: r0 = 1\nexit");
    EXPECT_TRUE(what.contains(" runs for more than 1 million instructions ")) << what;
}

TEST(SearchBench, EveryRunFindsTheMapsAsItsInputSays) {
    const vm::ProgramSpec program = program_of(
        "*(u32 *)(r10 - 4) = 0\n*(u64 *)(r10 - 16) = 5\nr2 = r10\nr2 += -4\nr1 = map[0] ll\n"
        "call map_lookup_elem\nif r0 != 0 goto there\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\n"
        "r4 = 0\nr1 = map[0] ll\ncall map_update_elem\nr1 = map[1][0] + 0x0 ll\n"
        "r0 = *(u32 *)(r1 + 0)\nif r0 != 0 goto there\n*(u32 *)(r1 + 0) = 1\nexit\n"
        "there: r0 = *(u8 *)(r10 + 0)\nexit");
    auto bench = SearchBench::make(program);
    ASSERT_TRUE(bench) << bench.error().message;
    const SearchInput input = (*bench)->first_input(64);
    for (int run = 0; run < 3; ++run)
        EXPECT_FALSE((*bench)->run(input, 1'000, nullptr).fault) << run;
    SearchInput filled = input;
    filled.lookups = {{true, {}}};
    EXPECT_TRUE((*bench)->run(filled, 1'000, nullptr).fault);
    EXPECT_FALSE((*bench)->run(input, 1'000, nullptr).fault);
    filled = input;
    filled.globals[1] = {1};
    EXPECT_TRUE((*bench)->run(filled, 1'000, nullptr).fault);
    EXPECT_FALSE((*bench)->run(input, 1'000, nullptr).fault);
}

TEST(SearchBench, RefusesMapsThatAreTooLarge) {
    vm::ProgramSpec program = program_of("r0 = 0\nexit");
    program.maps[1].is_global_data = false;
    program.maps[1].entries_max = 100'000'000;
    EXPECT_FALSE(SearchBench::make(program));
}

}  // namespace
}  // namespace weir::controlplane::cli
