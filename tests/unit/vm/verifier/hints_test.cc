// Advice: some for every rule, with numbers where there are any.

#include "vm/verifier/hints.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "vm/isa/assemble.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {
namespace {

/// Rules as the sources of the verifier spell them.
std::set<std::string> rules_of_sources() {
    const std::regex fault(
        R"re((?:fault\(|refuse\(\{)\s*(?:[^"();]*\?\s*)?"([a-z-]+)"(?:\s*:\s*"([a-z-]+)")?)re");
    std::set<std::string> rules;
    for (const auto& entry : std::filesystem::directory_iterator(WEIR_VERIFIER_DIR)) {
        if (entry.path().extension() != ".cc") continue;
        std::ifstream stream(entry.path());
        const std::string text(std::istreambuf_iterator<char>(stream), {});
        for (std::sregex_iterator found(text.begin(), text.end(), fault), end; found != end;
             ++found)
            for (size_t group = 1; group <= 2; ++group)
                if ((*found)[group].matched) rules.insert((*found)[group]);
    }
    return rules;
}

TEST(Hints, EveryRuleHasOne) {
    const std::set<std::string> rules = rules_of_sources();
    EXPECT_GE(rules.size(), 35u);
    for (const char* sure : {"packet-bounds", "malformed", "reference-leak", "recursion", "kfunc"})
        EXPECT_TRUE(rules.contains(sure)) << sure;
    const std::vector<std::string_view> hinted = verifier::hinted_rules();
    for (const std::string& rule : rules)
        EXPECT_TRUE(std::ranges::binary_search(hinted, rule)) << rule;
}

std::string hint_of(std::string_view text, ProgramType type = ProgramType::Xdp) {
    ProgramSpec program;
    program.name = "test";
    program.type = type;
    const auto insns = assemble(text);
    EXPECT_TRUE(insns) << (insns ? "" : insns.error().message);
    if (!insns) return {};
    program.insns = *insns;
    program.subprograms = {{"test", 0}};
    MapSpec table;
    table.name = "table";
    table.type = MapType::Array;
    table.key_bytes = 4;
    table.value_bytes = 64;
    table.entries_max = 16;
    program.maps = {table};
    const auto proof = verify(program);
    EXPECT_FALSE(proof) << text;
    return proof ? "" : proof.error().hint;
}

constexpr const char* kPacket = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\n";

TEST(Hints, PacketChecksNameTheByte) {
    EXPECT_EQ(hint_of(std::string(kPacket) + "r0 = *(u16 *)(r2 + 37)\nexit"),
              "before insn 2: if (data + 39 > data_end) return XDP_DROP;");
    EXPECT_EQ(
        hint_of("r2 = *(u32 *)(r1 + 76)\nr0 = *(u8 *)(r2 + 20)\nexit", ProgramType::SocketFilter),
        "before insn 1: if (data + 21 > data_end) return 0;");
    EXPECT_EQ(hint_of(std::string(kPacket) +
                      "r4 = *(u32 *)(r1 + 12)\nr4 &= 60\nr2 += r4\nr0 = *(u32 *)(r2 + 4)\nexit"),
              "before insn 5, with p the pointer as it is after the addition: if ((void *)p + 8 > "
              "data_end) return XDP_DROP;");
    EXPECT_EQ(hint_of("r2 = *(u32 *)(r1 + 8)\nr0 = *(u32 *)(r2 + 0)\nexit"),
              "before insn 1: if (data_meta + 4 > data) return XDP_DROP;");
}

/// r0: the value of element 0 of an array of 64 bytes each; r6: a number below 2^32.
constexpr const char* kValue =
    "r6 = *(u32 *)(r1 + 12)\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map[0] ll\n"
    "r3 = 1\nr4 = 0\nr5 = 0\ncall 1\nif r0 == 0 goto out\n";

TEST(Hints, IndexesGetTheLimitAndAMask) {
    EXPECT_EQ(
        hint_of(std::string(kValue) + "r0 += r6\nr0 = *(u32 *)(r0 + 8)\nexit\nout: r0 = 0\nexit"),
        "before insn 12: keep the variable part of the offset at or below 52 (if (n > 52) "
        "return; or n &= 0x1f;)");
    EXPECT_EQ(hint_of(std::string(kValue) + "r0 = *(u32 *)(r0 + 64)\nexit\nout: r0 = 0\nexit"),
              "a value of table ends at 64: touch less, or make it at least 68 bytes large");
}

TEST(Hints, UninitialisedStackNamesTheBytes) {
    EXPECT_EQ(hint_of("r0 = *(u64 *)(r10 - 8)\nexit"),
              "write all 8 bytes before insn 0: initialise the variable with = {} (padding "
              "included: memset)");
    EXPECT_EQ(hint_of("*(u64 *)(r10 - 8) = 1\nr1 = 2\nr0 = cmpxchg_64(r10 - 8, r0, r1)\nexit"),
              "give it a value on every path that comes here; calls clear r0 to r5");
}

TEST(Hints, StackHasSoManyBytes) {
    EXPECT_EQ(hint_of("r2 = 0\nr3 = r10\nr3 += -8\nr4 = 16\ncall 189\nr0 = 0\nexit"),
              "from r10-8 on there are 8 bytes: touch no more, or make the variable at least 16 "
              "bytes large");
}

TEST(Hints, MistakesOfOneRuleGetTheirOwn) {
    const std::string packet = std::string(kPacket) + "r4 = r2\nr4 += 14\nif r4 > r3 goto out\n";
    EXPECT_EQ(
        hint_of("r6 = r1\nr9 = *(u32 *)(r1 + 0)\nr2 = 4\ncall 44\nr0 = *(u8 *)(r9 + 0)\nexit"),
        "behind the call that changed the packet load data and data_end again from the "
        "context, and compare them again");
    EXPECT_EQ(hint_of("*(u32 *)(r1 + 50) = 1\nr0 = 0\nexit", ProgramType::SocketFilter),
              "touch the fields of struct __sk_buff whole, as declared");
    EXPECT_EQ(hint_of("*(u32 *)(r1 + 12) = 1\nr0 = 0\nexit"),
              "change a copy: programs may only read this field");
    EXPECT_EQ(hint_of("w0 = w1\nexit"), "copy pointers whole: all 64 bits");
    EXPECT_EQ(hint_of(packet + "r2 &= 7\nout: r0 = 0\nexit"),
              "mask, shift and multiply the number before it is added to the pointer");
    EXPECT_EQ(hint_of("r1 = 0\nr2 = 4\ncall 44\nr0 = 0\nexit"),
              "hand over ctx as the program got it");
    EXPECT_EQ(hint_of("r2 = r10\ncall 44\nr0 = 0\nexit"), "hand over a number");
}

}  // namespace
}  // namespace weir::vm
