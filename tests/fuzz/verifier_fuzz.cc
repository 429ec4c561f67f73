// Bytes as a program for the verifier: a verdict within the budget. What it accepts runs in the
// instrumented interpreter over packets of several lengths without one fault, and no longer than
// the proof says.

#include <algorithm>
#include <cstdio>
#include <set>

#include "maps/reclaim.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_world.h"
#include "vm/base/check.h"
#include "vm/verifier/verifier.h"

namespace {

using namespace weir;

constexpr vm::Budget kBudget{.visited_insns_max = 20'000,
                             .states_max = 20'000,
                             .bytes_max = 64u << 20,
                             .time_ms_max = 60'000};

/// Functions begin where they are called or their address is taken.
void find_functions(vm::ProgramSpec& spec) {
    std::set<uint32_t> starts = {0};
    for (uint32_t pc = 0; pc < spec.insns.size(); ++pc) {
        const auto insn = vm::decode(spec.insns, pc);
        if (!insn) continue;
        int64_t start = 0;
        if (insn->op == vm::Op::kCallLocal) start = vm::jump_target(*insn, pc).slot;
        if (insn->op == vm::Op::kLoadCodeAddr) start = int64_t{pc} + 1 + insn->imm;
        if (start > 0 && start < static_cast<int64_t>(spec.insns.size()))
            starts.insert(static_cast<uint32_t>(start));
        pc += insn->slots() - 1;
    }
    spec.subprograms.clear();
    for (const uint32_t start : starts) spec.subprograms.push_back({"f", start});
}

bool has_calls(const vm::ProgramSpec& spec) {
    return std::ranges::any_of(spec.insns,
                               [](const vm::Insn& insn) { return insn.opcode == 0x85; });
}

void check_rejection(const vm::Rejection& rejection) {
    WEIR_CHECK(!rejection.rule.empty());
    WEIR_CHECK(!rejection.message.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const maps::ReaderScope reader;
    static fuzz::World world;
    if (size < 2) return 0;
    vm::ProgramSpec spec = fuzz::spec_of(data, size, world);
    find_functions(spec);
    const auto proof = vm::verify(spec, kBudget);
    if (!proof) {
        check_rejection(proof.error());
        return 0;
    }
    WEIR_CHECK(vm::accept(spec, *proof).has_value());
    // It also refuses programs for what only dead code does (vm/interp/interp.h).
    const auto program = vm::CheckedProgram::make(spec, world.pointers, maps::all_helpers());
    if (!program) return 0;
    const bool counts = !has_calls(spec);
    for (const size_t packet_bytes : {100, 60, 14}) {
        const vm::CheckedResult result = fuzz::run(**program, world, packet_bytes);
        if (result.fault && result.fault->kind == vm::FaultKind::Violation) {
            std::fprintf(stderr, "an accepted program faults: insn %u: %s\n", result.fault->insn,
                         result.fault->message.c_str());
            WEIR_CHECK(!result.fault);
        }
        WEIR_CHECK(!counts || result.insns <= proof->worst_insns);
    }
    return 0;
}
