#include "vm/verifier/verdict_cache.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace weir::vm {
namespace {

MapSpec frozen_map() {
    MapSpec map;
    map.name = ".rodata";
    map.type = MapType::Array;
    map.key_bytes = 4;
    map.value_bytes = 8;
    map.entries_max = 1;
    map.flags = kMapRdonlyProg;
    map.frozen = true;
    map.is_global_data = true;
    map.contents = {1, 2, 3, 4, 5, 6, 7, 8};
    return map;
}

/// Returns `value`; proven.
ProgramSpec returning(int32_t value) {
    ProgramSpec program;
    program.name = "returning";
    program.section = "xdp";
    program.insns = {{.opcode = 0xb7, .imm = value}, {.opcode = 0x95}};
    program.subprograms = {{"returning", 0}};
    program.lines = {{0, 7, "returning.c", "return value;"}};
    program.maps = {frozen_map()};
    return program;
}

/// r0 is never written.
ProgramSpec unproven() {
    ProgramSpec program = returning(2);
    program.insns.erase(program.insns.begin());
    return program;
}

TEST(VerdictCache, AnswersTheSecondTimeWithWhatItKept) {
    VerdictCache cache;
    const ProgramSpec program = returning(2);
    const Verdict first = cache.verify(program);
    ASSERT_TRUE(first);
    const auto known = cache.find(verdict_key(program, {}));
    ASSERT_NE(known, nullptr);
    ASSERT_TRUE(*known);
    ByteWriter kept, fresh;
    write_proof(kept, **known);
    write_proof(fresh, *verify(program));
    EXPECT_EQ(kept.take(), fresh.take());
    EXPECT_EQ(cache.verdicts(), 1u);
}

TEST(VerdictCache, GivesBackWhatWasKeptAndNotWhatTheVerifierWouldSay) {
    VerdictCache cache;
    const ProgramSpec program = returning(2);
    Rejection marked;
    marked.rule = "marked";
    cache.keep(verdict_key(program, {}), std::unexpected(marked));
    const Verdict verdict = cache.verify(program);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().rule, "marked");
}

TEST(VerdictCache, KeepsRejections) {
    VerdictCache cache;
    const Verdict first = cache.verify(unproven());
    ASSERT_FALSE(first);
    const auto known = cache.find(verdict_key(unproven(), {}));
    ASSERT_NE(known, nullptr);
    ASSERT_FALSE(*known);
    EXPECT_EQ(known->error().rule, first.error().rule);
    EXPECT_EQ(known->error().message, first.error().message);
    EXPECT_EQ(known->error().line, first.error().line);
}

TEST(VerdictCache, DoesNotKeepThatTheBudgetWasTooSmall) {
    VerdictCache cache;
    const Budget little{.visited_insns_max = 1};
    const Verdict verdict = cache.verify(returning(2), little);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().rule, "budget");
    EXPECT_EQ(cache.verdicts(), 0u);
}

TEST(VerdictKeys, DifferInWhateverTheVerifierSees) {
    const ProgramSpec program = returning(2);
    const VerdictKey key = verdict_key(program, {});
    EXPECT_EQ(verdict_key(returning(2), {}), key);
    const std::vector<std::pair<const char*, std::function<void(ProgramSpec&)>>> changes = {
        {"opcode", [](ProgramSpec& p) { p.insns[0].opcode = 0xb4; }},
        {"immediate", [](ProgramSpec& p) { p.insns[0].imm = 3; }},
        {"offset", [](ProgramSpec& p) { p.insns[0].off = 1; }},
        {"instructions", [](ProgramSpec& p) { p.insns.push_back({.opcode = 0x95}); }},
        {"program type", [](ProgramSpec& p) { p.type = ProgramType::SocketFilter; }},
        {"hook", [](ProgramSpec& p) { p.hook = XdpHook::Devmap; }},
        {"frags", [](ProgramSpec& p) { p.has_frags = true; }},
        {"map type", [](ProgramSpec& p) { p.maps[0].type = MapType::PercpuArray; }},
        {"key size", [](ProgramSpec& p) { p.maps[0].key_bytes = 8; }},
        {"value size", [](ProgramSpec& p) { p.maps[0].value_bytes = 16; }},
        {"entries", [](ProgramSpec& p) { p.maps[0].entries_max = 2; }},
        {"map flags", [](ProgramSpec& p) { p.maps[0].flags = 0; }},
        {"frozen", [](ProgramSpec& p) { p.maps[0].frozen = false; }},
        {"frozen contents", [](ProgramSpec& p) { p.maps[0].contents[7] ^= 1; }},
        {"spin lock", [](ProgramSpec& p) { p.maps[0].spin_lock_offset = 0; }},
        {"inner map",
         [](ProgramSpec& p) { p.maps[0].inner = std::make_shared<MapSpec>(frozen_map()); }},
        {"maps", [](ProgramSpec& p) { p.maps.push_back(frozen_map()); }},
        {"map's name", [](ProgramSpec& p) { p.maps[0].name = ".data"; }},
        {"line number", [](ProgramSpec& p) { p.lines[0].line = 8; }},
        {"line's text", [](ProgramSpec& p) { p.lines[0].text = "return 2;"; }},
        {"function's name", [](ProgramSpec& p) { p.subprograms[0].name = "other"; }},
    };
    for (const auto& [what, change] : changes) {
        ProgramSpec changed = program;
        change(changed);
        EXPECT_NE(verdict_key(changed, {}), key) << what;
    }
}

TEST(VerdictKeys, DifferInEveryBudget) {
    const VerdictKey key = verdict_key(returning(2), {});
    EXPECT_NE(verdict_key(returning(2), {.visited_insns_max = 10}), key);
    EXPECT_NE(verdict_key(returning(2), {.states_max = 10}), key);
    EXPECT_NE(verdict_key(returning(2), {.bytes_max = 10}), key);
    EXPECT_NE(verdict_key(returning(2), {.time_ms_max = 10}), key);
}

TEST(VerdictKeys, AreThoseOfTheWrittenProgram) {
    ByteWriter writer;
    write_program_spec(writer, returning(2));
    EXPECT_EQ(verdict_key(writer.bytes(), {}), verdict_key(returning(2), {}));
}

TEST(VerdictCache, ForgetsWhatNobodyHasAskedForTheLongest) {
    VerdictCache cache({.verdicts_max = 2});
    static_cast<void>(cache.verify(returning(1)));
    static_cast<void>(cache.verify(returning(2)));
    EXPECT_NE(cache.find(verdict_key(returning(1), {})), nullptr);
    static_cast<void>(cache.verify(returning(3)));
    EXPECT_EQ(cache.verdicts(), 2u);
    EXPECT_NE(cache.find(verdict_key(returning(1), {})), nullptr);
    EXPECT_EQ(cache.find(verdict_key(returning(2), {})), nullptr);
    EXPECT_NE(cache.find(verdict_key(returning(3), {})), nullptr);
}

TEST(VerdictCache, StaysWithinItsBytes) {
    Rejection rejection;
    rejection.rule = "marked";
    rejection.message = std::string(1'000, 'x');
    VerdictCache cache({.verdicts_max = 1'000, .bytes_max = 10'000});
    for (uint8_t i = 0; i < 100; ++i) {
        cache.keep({i}, std::unexpected(rejection));
        EXPECT_LE(cache.bytes(), 10'000u);
    }
    EXPECT_GE(cache.verdicts(), 5u);
    EXPECT_LT(cache.verdicts(), 10u);
    EXPECT_NE(cache.find({99}), nullptr);
    EXPECT_EQ(cache.find({0}), nullptr);
    rejection.message = std::string(10'000, 'x');
    cache.keep({200}, std::unexpected(rejection));
    EXPECT_EQ(cache.find({200}), nullptr);
    EXPECT_NE(cache.find({99}), nullptr);
}

TEST(VerdictCache, CountsAProofByItsFacts) {
    ProgramSpec program = returning(2);
    VerdictCache cache({.verdicts_max = 10, .bytes_max = 20'000});
    static_cast<void>(cache.verify(program));
    const size_t small = cache.bytes();
    program.insns.insert(program.insns.begin(), 1'000, program.insns[0]);
    static_cast<void>(cache.verify(program));
    EXPECT_GE(cache.bytes(), 2 * small + 1'000 * 4);
}

TEST(VerdictCache, KeepsNothingIfItMayNot) {
    VerdictCache cache({.verdicts_max = 0});
    EXPECT_TRUE(cache.verify(returning(2)));
    EXPECT_EQ(cache.verdicts(), 0u);
}

TEST(VerdictCache, CountsOnceWhatIsKeptTwice) {
    VerdictCache cache;
    const Verdict verdict = verify(returning(2));
    cache.keep({1}, verdict);
    const size_t bytes = cache.bytes();
    cache.keep({1}, verdict);
    EXPECT_EQ(cache.verdicts(), 1u);
    EXPECT_EQ(cache.bytes(), bytes);
}

TEST(VerdictCache, ServesThreadsThatPushEachOtherOut) {
    VerdictCache cache({.verdicts_max = 4});
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&cache] {
            for (int32_t round = 0; round < 500; ++round) {
                const Verdict verdict = cache.verify(returning(round % 7));
                EXPECT_TRUE(verdict && verdict->facts.size() == 2);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(cache.verdicts(), 4u);
}

}  // namespace
}  // namespace weir::vm
