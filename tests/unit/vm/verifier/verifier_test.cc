// Specs that lie, facts, acceptance and the proof's byte form. Verdicts on programs are golden
// texts (tests/golden/verifier).

#include "vm/verifier/verifier.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/insns.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/isa/assemble.h"
#include "vm/program/context.h"
#include "vm/verifier/observer.h"
#include "vm/verifier/state.h"

namespace weir::vm {
namespace {

using tests::InsnWriter;

ProgramSpec make_program(const InsnWriter& code) {
    ProgramSpec program;
    program.name = "test";
    program.insns = code.insns();
    program.subprograms = {{"test", 0}};
    return program;
}

MapSpec make_array() {
    MapSpec map;
    map.name = "array";
    map.type = MapType::Array;
    map.key_bytes = 4;
    map.value_bytes = 16;
    map.entries_max = 1;
    return map;
}

std::string rule_of(const ProgramSpec& program) {
    const auto proof = verify(program);
    return proof ? "accept" : proof.error().rule;
}

ProgramSpec minimal() {
    return make_program(InsnWriter().mov(0, 2).exit());
}

/// r2 = data, r0 = ifindex; reads both kinds of context field.
ProgramSpec context_reader() {
    return make_program(InsnWriter().put(Op::kLoad32, 2, 1, 0).put(Op::kLoad32, 0, 1, 12).exit());
}

TEST(SpecCheck, RefusesWhatIsNoProgram) {
    ProgramSpec program = minimal();
    EXPECT_EQ(rule_of(program), "accept");
    program.insns.clear();
    EXPECT_EQ(rule_of(program), "malformed");
    program = minimal();
    program.type = ProgramType::SocketFilter;
    EXPECT_EQ(rule_of(program), "accept");
    program.type = ProgramType{7};
    EXPECT_EQ(rule_of(program), "program-type");
    program = minimal();
    program.insns[0].opcode = 0xff;
    EXPECT_EQ(rule_of(program), "malformed");
    program = make_program(InsnWriter().mov(0, 2).put(Op::kGoto, 0, 0, 100).exit());
    EXPECT_EQ(rule_of(program), "malformed");
    program = make_program(InsnWriter().put(Op::kGoto, 0, 0, 1).load_imm64(0, 1).exit());
    EXPECT_EQ(rule_of(program), "malformed");
}

TEST(SpecCheck, RefusesSubprogramsOutOfOrder) {
    const auto with = [](std::vector<Subprogram> subprograms) {
        ProgramSpec program = make_program(InsnWriter().load_imm64(0, 2).exit().mov(0, 1).exit());
        program.subprograms = std::move(subprograms);
        return rule_of(program);
    };
    EXPECT_EQ(with({}), "malformed");
    EXPECT_EQ(with({{"a", 1}}), "malformed");
    EXPECT_EQ(with({{"a", 0}, {"b", 1}}), "malformed");
    EXPECT_EQ(with({{"a", 0}, {"b", 3}, {"c", 3}}), "malformed");
    EXPECT_EQ(with({{"a", 0}, {"b", 99}}), "malformed");
    EXPECT_EQ(with({{"a", 0}, {"b", 3}}), "accept");
}

TEST(SpecCheck, RefusesMapsWithImpossibleSizes) {
    const auto with = [](auto change) {
        ProgramSpec program = minimal();
        program.maps = {make_array()};
        change(program.maps[0]);
        return rule_of(program);
    };
    EXPECT_EQ(with([](MapSpec&) {}), "accept");
    EXPECT_EQ(with([](MapSpec& map) { map.key_bytes = 0; }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.key_bytes = 8; }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.value_bytes = 0; }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.value_bytes = UINT32_MAX; }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.entries_max = 0; }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.contents.resize(17); }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.type = MapType::Hash, map.key_bytes = 513; }),
              "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.type = MapType::LpmTrie; }), "map-definition");
    EXPECT_EQ(with([](MapSpec& map) { map.type = static_cast<MapType>(999); }), "accept");
    ProgramSpec program = minimal();
    program.maps.assign(kMapsPerProgramMax + 1, make_array());
    EXPECT_EQ(rule_of(program), "malformed");
}

/// A lock that a program wrote would keep a worker waiting without end.
TEST(MapValues, KeepProgramsOutOfLocksAndTimers) {
    const auto access = [](Op op, int16_t at, uint32_t lock, uint32_t timer) {
        InsnWriter code;
        code.put(Op::kStoreImm32, 10, 0, -4, 0).load_map(1, 0).put(Op::kMov64Reg, 2, 10);
        code.put(Op::kAdd64Imm, 2, 0, 0, -4).put(Op::kCallHelper, 0, 0, 0, 1);
        code.put(Op::kJne64Imm, 0, 0, 1, 0).exit();
        if (op == Op::kLoad32)
            code.put(op, 3, 0, at);
        else
            code.put(op, 0, 0, at, 1);
        ProgramSpec program = make_program(code.mov(0, 2).exit());
        program.maps = {make_array()};
        program.maps[0].value_bytes = 32;
        program.maps[0].spin_lock_offset = lock;
        program.maps[0].timer_offset = timer;
        return rule_of(program);
    };
    for (const Op op : {Op::kLoad32, Op::kStoreImm32}) {
        EXPECT_EQ(access(op, 8, kNoOffset, kNoOffset), "accept");
        EXPECT_EQ(access(op, 8, 8, kNoOffset), "map-access");
        EXPECT_EQ(access(op, 5, 8, kNoOffset), "map-access");
        EXPECT_EQ(access(op, 11, 8, kNoOffset), "map-access");
        EXPECT_EQ(access(op, 4, 8, kNoOffset), "accept");
        EXPECT_EQ(access(op, 12, 8, kNoOffset), "accept");
        EXPECT_EQ(access(op, 28, kNoOffset, 16), "map-access");
        EXPECT_EQ(access(op, 12, kNoOffset, 16), "accept");
    }
}

TEST(MapValues, ReadNoConstantsFromContentsThatMayChange) {
    InsnWriter code;
    code.load_map_value(1, 0, 0)
        .put(Op::kLoad32, 2, 1, 0)
        .put(Op::kJeq64Imm, 2, 0, 1, 7)
        .load64(0, 10, -8)
        .mov(0, 2)
        .exit();
    ProgramSpec program = make_program(code);
    program.maps = {make_array()};
    program.maps[0].contents = {7, 0, 0, 0};
    EXPECT_EQ(rule_of(program), "uninitialized");
    program.maps[0].frozen = true;
    EXPECT_EQ(rule_of(program), "accept");
    program.maps[0].contents = {8};
    EXPECT_EQ(rule_of(program), "uninitialized");
}

TEST(Facts, NameReachabilityAccessAndMap) {
    InsnWriter code;
    code.put(Op::kLoad32, 6, 1, 12)
        .put(Op::kStoreImm32, 10, 0, -4, 0)
        .mov_reg(2, 10)
        .add(2, -4)
        .load_map(1, 0)
        .call(1);
    code.put(Op::kJeq64Imm, 0, 0, 1, 0).load64(0, 0, 8).mov(0, 2).exit().mov(0, 1).exit();
    ProgramSpec program = make_program(code);
    program.maps = {make_array()};
    const auto proof = verify(program);
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->facts[0].access, PointerKind::Context);
    EXPECT_EQ(proof->facts[1].access, PointerKind::Stack);
    EXPECT_EQ(proof->facts[6].map, 0);
    EXPECT_EQ(proof->facts[8].access, PointerKind::MapValue);
    EXPECT_TRUE(proof->facts[4].reachable);
    EXPECT_FALSE(proof->facts[5].reachable);   // second half of the map load
    EXPECT_FALSE(proof->facts[11].reachable);  // behind the exit
    EXPECT_EQ(proof->stack_bytes, std::vector<uint32_t>{4});
    EXPECT_EQ(proof->stack_bytes_total, 4u);
}

TEST(Budget, HoldsForInstructionsStatesAndTime) {
    InsnWriter code;
    code.mov(0, 0)
        .mov(1, 0)
        .load_imm64(2, 1ull << 40)
        .add(1, 1)
        .put(Op::kJlt64Reg, 1, 2, -2)
        .exit();
    const ProgramSpec program = make_program(code);
    for (const Budget& budget :
         {Budget{.visited_insns_max = 1000}, Budget{.states_max = 10}, Budget{.time_ms_max = 20}}) {
        const auto start = std::chrono::steady_clock::now();
        const auto proof = verify(program, budget);
        ASSERT_FALSE(proof);
        EXPECT_EQ(proof.error().rule, "budget");
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
    }
}

TEST(Accept, RewritesContextLoadsOneForOne) {
    const ProgramSpec program = context_reader();
    auto proof = verify(program);
    ASSERT_TRUE(proof);
    const auto verified = accept(program, *proof);
    ASSERT_TRUE(verified);
    const auto code = verified->code();
    EXPECT_EQ(code[0].opcode, op_info(Op::kLoad64).opcode);
    EXPECT_EQ(code[0].off, static_cast<int16_t>(offsetof(XdpContext, data)));
    EXPECT_EQ(code[0].dst, 2);
    EXPECT_EQ(code[1].opcode, op_info(Op::kLoad32).opcode);
    EXPECT_EQ(code[1].off, static_cast<int16_t>(offsetof(XdpContext, ingress_ifindex)));
    EXPECT_EQ(verified->slots()[0].insn.op, Op::kLoad64);
    EXPECT_EQ(verified->spec().insns, program.insns);
}

TEST(Accept, LeavesDeadContextLoadsAlone) {
    const ProgramSpec program =
        make_program(InsnWriter().mov(0, 2).exit().put(Op::kLoad32, 2, 1, 0).exit());
    auto proof = verify(program);
    ASSERT_TRUE(proof);
    const auto verified = accept(program, std::move(*proof));
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->code()[2], program.insns[2]);
}

TEST(Accept, RefusesProofsOfOtherPrograms) {
    const ProgramSpec program = context_reader();
    const auto proof = verify(program);
    ASSERT_TRUE(proof);
    const auto refused = [&](auto change) {
        Proof other = *proof;
        change(other);
        return !accept(program, std::move(other));
    };
    EXPECT_FALSE(refused([](Proof&) {}));
    EXPECT_TRUE(refused([](Proof& p) { p.facts.pop_back(); }));
    EXPECT_TRUE(refused([](Proof& p) { p.facts.emplace_back(); }));
    EXPECT_TRUE(refused([](Proof& p) { p.stack_bytes.clear(); }));
    EXPECT_TRUE(refused([](Proof& p) { p.stack_bytes[0] = 513; }));
    EXPECT_TRUE(refused([](Proof& p) { p.stack_bytes_total = 1; }));
    EXPECT_TRUE(refused([](Proof& p) { p.facts[0].map = 3; }));
    EXPECT_TRUE(refused([](Proof& p) { p.facts[0].reachable = false; }));
    EXPECT_TRUE(refused([](Proof& p) { p.facts[2].access = PointerKind::Context; }));
}

/// r0 = f(5) + f(6); f(x) = x + 1, which is global.
ProgramSpec caller_of_global() {
    ProgramSpec program = make_program(InsnWriter()
                                           .mov(1, 5)
                                           .put(Op::kCallLocal, 0, 0, 0, 5)
                                           .mov_reg(6, 0)
                                           .mov(1, 6)
                                           .put(Op::kCallLocal, 0, 0, 0, 2)
                                           .put(Op::kAdd64Reg, 0, 6)
                                           .exit()
                                           .mov_reg(0, 1)
                                           .add(0, 1)
                                           .exit());
    program.subprograms.push_back({"f", 7, Contract{{{ArgumentKind::Number, 0}}, true}});
    return program;
}

TEST(SpecCheck, RefusesContractsThatNoFunctionHas) {
    ProgramSpec program = caller_of_global();
    program.subprograms[1].contract->arguments.resize(6);
    EXPECT_EQ(rule_of(program), "malformed");
    program.subprograms[1].contract->arguments = {{ArgumentKind::Memory, 0}};
    EXPECT_EQ(rule_of(program), "malformed");
}

TEST(Contract, IsWalkedOnceAndPaidForAtEachCall) {
    ProgramSpec program = caller_of_global();
    const auto once = verify(program);
    ASSERT_TRUE(once) << once.error().message;
    EXPECT_EQ(once->visited_insns, 10u);
    EXPECT_EQ(once->worst_insns, 13u);
    EXPECT_EQ(once->facts[0].reachable && once->facts[9].reachable, true);
    program.subprograms[1].contract = std::nullopt;
    const auto each = verify(program);
    ASSERT_TRUE(each);
    EXPECT_EQ(each->visited_insns, 13u);
    EXPECT_EQ(each->worst_insns, 13u);
}

/// Nine frames: what was proven below one that was proven counts at every call.
TEST(Contract, CountsTheFramesBelowEachCall) {
    for (const uint32_t frames : {kCallDepthMax, kCallDepthMax + 1}) {
        InsnWriter code;
        ProgramSpec program;
        for (uint32_t i = 0; i + 1 < frames; ++i) code.put(Op::kCallLocal, 0, 0, 0, 1).exit();
        program = make_program(code.mov(0, 2).exit());
        for (uint32_t i = 1; i < frames; ++i)
            program.subprograms.push_back({"f", 2 * i, Contract{{}, true}});
        EXPECT_EQ(rule_of(program), frames == kCallDepthMax ? "accept" : "call-depth");
    }
}

/// A global function with a callback, below so many others: the callback's frame counts.
TEST(Contract, CountsTheFramesOfCallbacksBelowEachCall) {
    for (const uint32_t above : {kCallDepthMax - 2, kCallDepthMax - 1}) {
        std::string text;
        for (uint32_t i = 0; i < above; ++i) text += fmt::format("call f{}\nexit\nf{}:\n", i, i);
        text +=
            "r1 = 2\nld_pseudo r2, 4, each\nr3 = 0\nr4 = 0\ncall 181\nr0 = 2\nexit\n"
            "each: r0 = 0\nexit";
        const auto insns = assemble(text);
        ASSERT_TRUE(insns) << insns.error().message;
        ProgramSpec program = make_program(InsnWriter());
        program.insns = *insns;
        for (uint32_t i = 1; i <= above; ++i) program.subprograms.push_back({"f", 2 * i});
        program.subprograms.back().contract = Contract{{}, true};
        program.subprograms.push_back({"each", static_cast<uint32_t>(insns->size() - 2)});
        EXPECT_EQ(rule_of(program), above == kCallDepthMax - 2 ? "accept" : "call-depth");
    }
}

/// Two ways that differ in the number of rounds alone: the greater one counts.
TEST(WorstInsns, CountsTheRoundsOfEveryWay) {
    for (const auto& [first, second] : {std::pair(5'000, 1'000'000), {1'000'000, 5'000}}) {
        const auto insns = assemble(fmt::format(
            "r6 = *(u32 *)(r1 + 12)\nr7 = 1\ngoto +0\ngoto +0\nr7 = 1\nr7 = 1\nr7 = 1\n"
            "if r6 == 5 goto other\nr8 = {}\ngoto meet\nother: r8 = {}\nmeet: r7 = 1\nr1 = r8\n"
            "ld_pseudo r2, 4, each\nr3 = 0\nr4 = 0\ncall 181\nr0 = 2\nexit\n"
            "each: r0 = 0\nexit",
            first, second));
        ASSERT_TRUE(insns) << insns.error().message;
        ProgramSpec program = make_program(InsnWriter());
        program.insns = *insns;
        program.subprograms.push_back({"each", static_cast<uint32_t>(insns->size() - 2)});
        const auto proof = verify(program);
        ASSERT_TRUE(proof) << proof.error().message;
        EXPECT_GE(proof->worst_insns, 2'000'000u);
    }
}

TEST(ProofCodec, ComesBackAsItWas) {
    const auto proof = verify(context_reader());
    ASSERT_TRUE(proof);
    ByteWriter writer;
    write_proof(writer, *proof);
    ByteReader reader(writer.bytes());
    const auto back = read_proof(reader);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(reader.finished());
    EXPECT_EQ(back->visited_insns, proof->visited_insns);
    EXPECT_EQ(back->stack_bytes, proof->stack_bytes);
    ASSERT_EQ(back->facts.size(), proof->facts.size());
    for (size_t i = 0; i < back->facts.size(); ++i) {
        EXPECT_EQ(back->facts[i].reachable, proof->facts[i].reachable);
        EXPECT_EQ(back->facts[i].access, proof->facts[i].access);
        EXPECT_EQ(back->facts[i].map, proof->facts[i].map);
        EXPECT_EQ(back->facts[i].jumps, proof->facts[i].jumps);
        EXPECT_EQ(back->facts[i].falls_through, proof->facts[i].falls_through);
        EXPECT_EQ(back->facts[i].key_bytes, proof->facts[i].key_bytes);
        EXPECT_EQ(back->facts[i].dst, proof->facts[i].dst);
        EXPECT_EQ(back->facts[i].src, proof->facts[i].src);
    }
    EXPECT_EQ(back->worst_insns, proof->worst_insns);
    EXPECT_EQ(back->states_peak, proof->states_peak);
    EXPECT_EQ(back->bytes_peak, proof->bytes_peak);
}

TEST(ProofCodec, RefusesEveryCutAndEveryLie) {
    const auto proof = verify(context_reader());
    ASSERT_TRUE(proof);
    ByteWriter writer;
    write_proof(writer, *proof);
    for (size_t length = 0; length < writer.bytes().size(); ++length) {
        ByteReader reader(ByteSpan(writer.bytes()).first(length));
        EXPECT_FALSE(read_proof(reader)) << length;
    }
    for (const size_t offset :
         {0u, 7u, 11u, 48u, 49u, 52u}) {  // version, counts, the first fact's fields
        Bytes bytes = writer.bytes();
        bytes[offset] = 0xff;
        ByteReader reader(bytes);
        EXPECT_FALSE(read_proof(reader)) << offset;
    }
}

/// A state that no verifier should see.
class Saboteur : public verifier::Observer {
public:
    void at(uint32_t, const verifier::State&) override { WEIR_CHECK(1 + 1 == 3); }
    void forget(uint64_t) override {}
};

TEST(InconsistencyDeathTest, WritesTheProgramThatShowedIt) {
    const ProgramSpec program = minimal();
    ByteWriter writer;
    write_program_spec(writer, program);
    std::string hex;
    for (const uint8_t byte : writer.bytes()) hex += fmt::format("{:02x}", byte);
    Saboteur saboteur;
    EXPECT_DEATH(static_cast<void>(verifier::verify_observed(program, {}, saboteur)),
                 "check failed: 1 \\+ 1 == 3\n.*contradicts itself.*\n" + hex.substr(0, 64));
}

TEST(Rejection, NamesTheSourceLine) {
    ProgramSpec program = make_program(InsnWriter().mov(1, 0).load64(0, 10, -8).exit());
    program.lines = {{0, 3, "a.c", "int x;"}, {1, 4, "a.c", "return y;"}};
    const auto proof = verify(program);
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().insn, 1u);
    EXPECT_EQ(proof.error().line, "a.c:4: return y;");
    EXPECT_EQ(proof.error().state, "r1=0");
}

}  // namespace
}  // namespace weir::vm
