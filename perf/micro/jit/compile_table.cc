#include "perf/micro/jit/compile_table.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/micro/jit/own_program.h"
#include "perf/micro/thread_cpu.h"
#include "tests/support/insns.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"

namespace weir::perf {
namespace {

using tests::InsnWriter;
using vm::Op;

constexpr const char *kWhole = "microseconds", *kEach = "ns per instruction",
                     *kBytes = "bytes of code per instruction";
constexpr double kNsPerUs = 1'000;
constexpr std::array<uint32_t, 5> kGeneratedSizes = {10, 100, 1'000, 10'000, 100'000};
/// Of the size of Facebook's load balancer, which has some 2,000 to 4,000; and two larger ones.
constexpr std::array<const char*, 3> kCorpus = {"balancer-80", "rule_ladder-1024", "blocks-40"};
constexpr int16_t kKeyAt = -16;
constexpr size_t kPieceInsns = 24;  ///< at most
constexpr uint32_t kLookUpsEvery = 8;

/// Loads, arithmetic of both widths, a branch, a store to the stack; r9 collects.
void put_piece(InsnWriter& w, uint32_t number) {
    const auto at = static_cast<int16_t>(number % 56);
    w.put(Op::kLoad32, 2, 7, at).put(Op::kLoad8, 3, 7, static_cast<int16_t>(at + 4));
    w.put(Op::kLsh32Imm, 3, 0, 0, 8).put(Op::kOr32Reg, 2, 3).mov_reg(4, 2);
    w.put(Op::kRsh64Imm, 4, 0, 0, 13).put(Op::kAdd64Reg, 9, 4);
    w.put(Op::kJgt64Imm, 2, 0, 1, static_cast<int32_t>(number)).put(Op::kXor64Reg, 9, 3);
    w.store64(10, kKeyAt, 9);
    if (number % kLookUpsEvery != 0) return;
    w.load_map(1, 0).mov_reg(2, 10).add(2, kKeyAt).call(1);
    w.put(Op::kJeq64Imm, 0, 0, 2, 0).put(Op::kLoad32, 3, 0, 0).put(Op::kAdd64Reg, 9, 3);
}

/// Of `insns` instructions or a few less.
vm::ProgramSpec generated(uint32_t insns) {
    constexpr uint32_t kChecked = 64;
    InsnWriter w;
    w.put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, kChecked);
    w.mov(9, 0).mov(0, vm::XDP_PASS).put(Op::kJle64Reg, 3, 2, 1).exit();
    for (uint32_t number = 1; w.size() + kPieceInsns + 2 <= insns; ++number) put_piece(w, number);
    w.mov_reg(0, 9).exit();
    vm::ProgramSpec spec;
    spec.name = "generated";
    spec.section = "xdp";
    spec.insns = w.insns();
    spec.subprograms.push_back({"generated", 0});
    spec.maps = {{.name = "hash",
                  .type = vm::MapType::Hash,
                  .key_bytes = 8,
                  .value_bytes = 8,
                  .entries_max = 64}};
    return spec;
}

/// The longest of an object.
vm::ProgramSpec from_corpus(const std::string& name) {
    const std::string path = WEIR_LARGE_CORPUS "/" + name + ".clang-19.v3.o";
    const vm::ObjectSpec object = vm::load_object_file(path, {}).value();
    return *std::ranges::max_element(
        object.programs, {}, [](const vm::ProgramSpec& program) { return program.insns.size(); });
}

void measure(Measurements& into, const std::string& what, const vm::ProgramSpec& spec,
             uint32_t rounds, const jit::CompileOptions& options = {}) {
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::vector<vm::Map*> pointers;
    for (const vm::MapSpec& map : spec.maps) {
        maps.push_back(maps::create_map(map, 1).value());
        pointers.push_back(maps.back().get());
    }
    const std::shared_ptr<const vm::VerifiedProgram> program = proven(spec);
    const auto insns = static_cast<double>(spec.insns.size());
    const std::string row = fmt::format("{}, {} instructions", what, spec.insns.size());
    for (uint32_t round = 0; round < rounds; ++round) {
        const double start = thread_cpu_ns();
        const auto machine =
            jit::compile(program, pointers, maps::all_helpers(), jit::Engine::kJit, options)
                .value();
        const double ns = thread_cpu_ns() - start;
        into.add(row, kWhole, ns / kNsPerUs);
        into.add(row, kEach, ns / insns);
        into.add(row, kBytes, static_cast<double>(machine->code().size()) / insns);
    }
}

}  // namespace

Measurements measure_compiler(uint32_t rounds) {
    Measurements measured;
    for (const uint32_t insns : kGeneratedSizes)
        measure(measured, "generated", generated(insns), rounds);
    for (const char* const name : kCorpus) {
        const vm::ProgramSpec spec = from_corpus(name);
        measure(measured, name, spec, rounds);
        measure(measured, std::string(name) + " overlapped", spec, rounds,
                {.overlap = jit::Overlap::kAlways});
    }
    return measured;
}

std::vector<Table> compiler_tables(const Measurements& measured) {
    return {columns_table("Compiling, median [quartiles]:", measured, {kWhole, kEach, kBytes})};
}

}  // namespace weir::perf
