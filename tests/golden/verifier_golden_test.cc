// Every text of golden/verifier: assembled, verified, compared with the name's verdict and with the
// whole answer.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "tests/golden/golden_file.h"
#include "vm/isa/assemble.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

using vm::MapSpec;
using vm::MapType;

MapSpec make_map(std::string name, MapType type, uint32_t key_bytes, uint32_t value_bytes,
                 uint32_t entries_max, uint32_t flags = 0) {
    MapSpec map;
    map.name = std::move(name);
    map.type = type;
    map.key_bytes = key_bytes;
    map.value_bytes = value_bytes;
    map.entries_max = entries_max;
    map.flags = flags;
    return map;
}

/// Maps 0 to 9 of every program in the texts.
std::vector<MapSpec> make_maps() {
    std::vector<MapSpec> maps = {
        make_map("flows", MapType::Hash, 4, 8, 16),
        make_map("table", MapType::Array, 4, 64, 16),
        make_map(".rodata", MapType::Array, 4, 16, 1, vm::kMapRdonlyProg),
        make_map(".bss", MapType::Array, 4, 32, 1),
        make_map("counters", MapType::PercpuArray, 4, 8, 4),
        make_map("routes", MapType::LpmTrie, 8, 4, 16),
        make_map("sink", MapType::Array, 4, 8, 16, vm::kMapWronlyProg),
        make_map("sockets", MapType::Xskmap, 4, 4, 16),
        make_map("settings", MapType::Hash, 4, 8, 16, vm::kMapRdonlyProg),
        make_map("recent", MapType::LruHash, 16, 48, 16),
    };
    maps[2].frozen = maps[2].is_global_data = maps[3].is_global_data = true;
    maps[2].contents = {7, 0, 0, 0, 0, 0, 0, 0, 'x', ' ', '%', 'd', '\n', 0, 0, 0};
    return maps;
}

vm::ProgramSpec make_program(const GoldenBlock& block) {
    vm::ProgramSpec program;
    program.name = "text";
    if (block.name.ends_with(" behind a devmap")) program.hook = vm::XdpHook::Devmap;
    program.maps = make_maps();
    const auto insns = vm::assemble(block.input);
    EXPECT_TRUE(insns) << block.name << ": " << (insns ? "" : insns.error().message);
    if (!insns) return program;
    program.insns = *insns;
    std::set<uint32_t> starts = {0};
    for (size_t pc = 0; pc < insns->size(); ++pc) {
        const auto insn = vm::decode(*insns, pc);
        if (insn && insn->op == vm::Op::kCallLocal)
            starts.insert(static_cast<uint32_t>(vm::jump_target(*insn, pc).slot));
        if (insn && insn->slots() == 2) ++pc;
    }
    for (const uint32_t start : starts)
        program.subprograms.push_back({start == 0 ? "text" : fmt::format("sub_{}", start), start});
    return program;
}

/// Counted, not timed, so that every machine gives the same answer.
constexpr vm::Budget kBudget{
    .visited_insns_max = 50'000, .states_max = 50'000, .time_ms_max = 600'000};

std::string answer(const vm::ProgramSpec& program) {
    const auto proof = vm::verify(program, kBudget);
    if (proof)
        return fmt::format("accept, {} instructions visited, {} bytes of stack\n",
                           proof->visited_insns, proof->stack_bytes_total);
    const vm::Rejection& rejection = proof.error();
    return fmt::format("{} at insn {}: {}\n{}\n", rejection.rule, rejection.insn, rejection.message,
                       rejection.state);
}

TEST(VerifierGolden, EveryTextGivesItsVerdictAndItsWords) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(WEIR_GOLDEN_DIR) + "/verifier"))
        paths.push_back(entry.path());
    std::ranges::sort(paths);
    size_t count = 0;
    for (const auto& path : paths) {
        GoldenFile file = read_golden(path);
        for (GoldenBlock& block : file.blocks) {
            ++count;
            const std::string got = answer(make_program(block));
            const std::string verdict = block.name.substr(0, block.name.find(':'));
            EXPECT_EQ(got.substr(0, got.find_first_of(", ")), verdict)
                << path.filename() << ": " << block.name << "\n"
                << block.input << got;
            if (rewrite_golden())
                block.expected = got;
            else
                EXPECT_EQ(got, block.expected) << path.filename() << ": " << block.name;
        }
        if (rewrite_golden()) write_golden(path, file);
    }
    EXPECT_GE(count, 300u);
}

}  // namespace
}  // namespace weir::tests
