#include "jit/code_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "jit/code_names.h"
#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

using jit::CodeEntry;
using jit::CodeFunction;
using jit::CodeMap;
using jit::CodePlace;

/// r6 = look-up of the index in ingress_ifindex in map 0, cut to 32 bits; time; r6's null-ness.
std::vector<vm::Insn> program() {
    InsnWriter w;
    w.put(vm::Op::kLoad32, 1, 1, 12).store64(10, -8, 1).mov_reg(2, 10).add(2, -8).load_map(1, 0);
    w.call(1).mov_reg(6, 0).call(5).mov(0, 2);
    w.put(vm::Op::kJeq64Imm, 6, 0, 1, 0).mov(0, 1).exit();
    return w.insns();
}

std::set<uint32_t> slots_in(const CodeMap& map, const CodeFunction& function) {
    std::set<uint32_t> slots;
    for (const CodePlace& place : map.places)
        if (place.offset >= function.begin && place.offset < function.end &&
            place.slot != jit::kNoSlot)
            slots.insert(place.slot);
    return slots;
}

TEST(CodeMap, HasAPlaceForEveryInstructionInEveryEntry) {
    const Proven proven(program(), {map_spec(vm::MapType::Array, 4, 8, 5)});
    const auto compiled = proven.compile(jit::Engine::kJit);
    const CodeMap& map = *compiled->code_map();
    std::set<uint32_t> wanted;
    for (uint32_t slot = 0; slot < proven.program->slots().size(); ++slot)
        if (!proven.program->slots()[slot].second_slot) wanted.insert(slot);
    ASSERT_EQ(map.functions.size(), 2u);
    EXPECT_EQ(map.functions[0].entry, CodeEntry::kSingle);
    EXPECT_EQ(map.functions[1].entry, CodeEntry::kBurst);
    EXPECT_EQ(slots_in(map, map.functions[0]), wanted);
    EXPECT_EQ(slots_in(map, map.functions[1]), wanted);
}

TEST(CodeMap, IsSortedAndLiesInTheCode) {
    InsnWriter w;
    w.mov(6, 7).put(vm::Op::kCallLocal, 0, 0, 0, 1).exit().mov(0, 2).exit();
    vm::ProgramSpec spec;
    spec.name = "outer";
    spec.section = "xdp";
    spec.insns = w.insns();
    spec.subprograms = {{"outer", 0}, {"inner", 3}};
    const auto program =
        std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *vm::verify(spec)));
    const auto compiled = jit::compile(program, {}, maps::all_helpers(), jit::Engine::kJit).value();
    const CodeMap& map = *compiled->code_map();
    EXPECT_TRUE(std::ranges::is_sorted(map.places, {}, &CodePlace::offset));
    uint32_t end = 0;
    for (const CodeFunction& function : map.functions) {
        EXPECT_GE(function.begin, end);
        EXPECT_GT(function.end, function.begin);
        end = function.end;
    }
    EXPECT_LE(end, compiled->code().size());
    ASSERT_EQ(map.functions.size(), 3u);
    EXPECT_EQ(jit::code_function_name(spec, map.functions[0]), "outer");
    EXPECT_EQ(jit::code_function_name(spec, map.functions[1]), "outer.burst");
    EXPECT_EQ(jit::code_function_name(spec, map.functions[2]), "inner");
}

TEST(CodeMap, OfTheInterpreterDoesNotExist) {
    const Proven proven(InsnWriter().mov(0, 2).exit().insns(), {});
    EXPECT_EQ(proven.compile(jit::Engine::kInterp)->code_map(), nullptr);
}

TEST(CodeNames, AreThoseOfHelpersMapsAndElements) {
    vm::MapSpec flows = map_spec(vm::MapType::Array, 4, 8, 5);
    flows.name = "flows";
    const Proven proven(program(), {flows});
    const auto names =
        jit::code_names(proven.program->spec(), proven.pointers, maps::all_helpers());
    const auto helper = reinterpret_cast<uint64_t>(maps::all_helpers().functions[5]);
    const auto map = reinterpret_cast<uint64_t>(proven.pointers[0]);
    const auto base = reinterpret_cast<uint64_t>(proven.pointers[0]->array_layout()->base);
    EXPECT_EQ(jit::name_of(names, helper), "bpf_ktime_get_ns");
    EXPECT_EQ(jit::name_of(names, map), "map[flows]");
    EXPECT_EQ(jit::name_of(names, map + 1), "");
    EXPECT_EQ(jit::name_of(names, base), "map[flows].value");
    EXPECT_EQ(jit::name_of(names, base + 8), "map[flows].value+0x8");
    EXPECT_EQ(jit::name_of(names, 0), "");
}

}  // namespace
}  // namespace weir::tests
