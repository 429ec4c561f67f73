// What the corpus covers: every helper and kernel function that Weir offers, every kind of map,
// every instruction. So that what is added to a table is added to the corpus too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "tests/support/corpus_cases.h"
#include "vm/elf/elf.h"
#include "vm/isa/helper_info.h"
#include "vm/isa/insn.h"

namespace weir::tests {
namespace {

struct Coverage {
    std::map<int64_t, size_t> helpers, kfuncs;
    std::set<vm::Op> ops;
    std::set<vm::MapType> maps;
    std::set<std::string> names;
};

void count_program(const vm::ProgramSpec& program, Coverage& coverage) {
    for (size_t pc = 0; pc < program.insns.size();) {
        const auto insn = vm::decode(program.insns, pc);
        ASSERT_TRUE(insn) << program.name << ": " << insn.error().message;
        coverage.ops.insert(insn->op);
        if (insn->op == vm::Op::kCallHelper) ++coverage.helpers[insn->imm];
        if (insn->op == vm::Op::kCallKfunc) ++coverage.kfuncs[insn->imm];
        pc += insn->slots();
    }
}

const Coverage& coverage() {
    static const Coverage counted = [] {
        Coverage all;
        vm::LoadOptions options;
        options.assume_entries_max = 64;
        for (const CorpusObject& object : all_corpus_objects(WEIR_CORPUS_DIR)) {
            const auto loaded = vm::load_object_file(object.path, options);
            EXPECT_TRUE(loaded) << loaded.error().message;
            if (!loaded) continue;
            all.names.insert(object.theme + "/" + object.name);
            for (const vm::MapSpec& map : loaded->maps) all.maps.insert(map.type);
            for (const vm::ProgramSpec& program : loaded->programs) count_program(program, all);
        }
        return all;
    }();
    return counted;
}

TEST(CorpusCoverage, LosesNoProgram) {
    EXPECT_GE(coverage().names.size(), 134u);
}

TEST(CorpusCoverage, CallsEveryHelperThatIsOffered) {
    for (int64_t id = 0; id <= vm::kHelperIdMax; ++id) {
        if (vm::helper_info(id) == nullptr) continue;
        EXPECT_TRUE(coverage().helpers.contains(id)) << vm::helper_name(id);
    }
}

TEST(CorpusCoverage, CallsEveryKernelFunctionThatIsOffered) {
    for (int64_t id = 0; id <= vm::kKfuncIdMax; ++id) {
        if (vm::kfunc_info(id) == nullptr) continue;
        EXPECT_TRUE(coverage().kfuncs.contains(id)) << vm::kfunc_info(id)->name;
    }
}

TEST(CorpusCoverage, HasEveryKindOfMap) {
    constexpr auto kTypes = std::to_array(
        {vm::MapType::Hash,           vm::MapType::Array,         vm::MapType::ProgArray,
         vm::MapType::PerfEventArray, vm::MapType::PercpuHash,    vm::MapType::PercpuArray,
         vm::MapType::LruHash,        vm::MapType::LruPercpuHash, vm::MapType::LpmTrie,
         vm::MapType::ArrayOfMaps,    vm::MapType::HashOfMaps,    vm::MapType::Devmap,
         vm::MapType::Cpumap,         vm::MapType::Xskmap,        vm::MapType::Queue,
         vm::MapType::Stack,          vm::MapType::DevmapHash,    vm::MapType::Ringbuf,
         vm::MapType::BloomFilter,    vm::MapType::UserRingbuf});
    for (const vm::MapType type : kTypes)
        EXPECT_TRUE(coverage().maps.contains(type)) << vm::map_type_name(type);
}

/// Instructions that no object can carry: callx, which the kernel refuses, and loads that loaders
/// other than libbpf's and ours write.
bool is_out_of_reach(vm::Op op) {
    return op == vm::Op::kCallReg || op == vm::Op::kLoadVarAddr || op == vm::Op::kLoadMapByIdx ||
           op == vm::Op::kLoadMapValueByIdx;
}

TEST(CorpusCoverage, HasEveryInstruction) {
#define WEIR_INSN(name, opcode, src, off, imm, format, bits, spelling, group)                 \
    EXPECT_TRUE(is_out_of_reach(vm::Op::k##name) || coverage().ops.contains(vm::Op::k##name)) \
        << #name;
#include "vm/isa/insn.def"
}

}  // namespace
}  // namespace weir::tests
