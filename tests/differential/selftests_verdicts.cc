#include "tests/differential/selftests_verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ranges>

#include "tests/support/kernel_facts.h"
#include "tests/support/kernel_load.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint32_t kHasFrags = 1u << 5;  ///< BPF_F_XDP_HAS_FRAGS
/// Counted, so that a busy machine gives the same verdicts.
constexpr vm::Budget kBudget{.time_ms_max = 60'000};
constexpr uint32_t kEntriesAssumed = 64;
constexpr vm::Insn kUnreachableMark{.opcode = 0xb7, .dst = 10};  ///< r10 = 0

bool divides_by_constant_zero(const vm::Insn& insn) {
    const uint8_t insn_class = insn.opcode & 0x07, operation = insn.opcode & 0xf0;
    const bool is_arithmetic = insn_class == 0x04 || insn_class == 0x07;
    const bool is_division = operation == 0x30 || operation == 0x90;
    const bool is_constant = (insn.opcode & 0x08) == 0;
    return is_arithmetic && is_division && is_constant && insn.imm == 0;
}

void replace_marks(std::vector<vm::Insn>& insns) {
    for (size_t pc = 0; pc < insns.size(); ++pc) {
        if (insns[pc].opcode == 0x18)
            ++pc;
        else if (divides_by_constant_zero(insns[pc]))
            insns[pc] = kUnreachableMark;
    }
}

SelftestVerdict verdict_on(vm::ProgramSpec program, const Selftest& test) {
    if ((test.flags & kHasFrags) != 0) program.has_frags = true;
    replace_marks(program.insns);
    const auto proof = vm::verify(program, kBudget);
    if (proof) return {true, ""};
    const vm::Rejection& no = proof.error();
    return {false, fmt::format("{} at insn {}: {}", no.rule, no.insn, no.message)};
}

SelftestVerdict verdict_in(const Result<vm::ObjectSpec>& object, const Selftest& test) {
    if (!object) return {false, "not loaded: " + object.error().message};
    const auto ours = std::ranges::find(object->programs, test.program, &vm::ProgramSpec::name);
    if (ours != object->programs.end()) return verdict_on(*ours, test);
    const auto unsupported =
        std::ranges::find(object->unsupported, test.program, &vm::UnsupportedProgram::name);
    if (unsupported != object->unsupported.end())
        return {false, "unsupported: " + unsupported->reason};
    return {false, "our loader sees no such program"};
}

/// Maps of kinds that this kernel was built without keep out only programs that use them.
void leave_out_unknown_maps(bpf_object* object) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        if (libbpf_probe_bpf_map_type(bpf_map__type(map), nullptr) == 0)
            bpf_map__set_autocreate(map, false);
        bpf_map__set_pin_path(map, nullptr);
    }
}

std::string last_line(std::string_view log) {
    std::string last;
    for (const auto part : std::views::split(log, '\n')) {
        const std::string_view line(part.begin(), part.end());
        if (line.starts_with("verification time") || line.starts_with("processed ")) break;
        if (!line.empty()) last = line;
    }
    return last;
}

}  // namespace

std::map<std::string, SelftestVerdict> our_verdicts(std::span<const Selftest> tests) {
    vm::LoadOptions options;
    options.kconfig_path = kernel_facts_path();
    options.assume_entries_max = kEntriesAssumed;
    std::map<std::string, SelftestVerdict> verdicts;
    std::optional<Result<vm::ObjectSpec>> object;
    std::string loaded;
    for (const Selftest& test : tests) {
        if (loaded != test.object) object = vm::load_object_file(test.object, options);
        loaded = test.object;
        verdicts[test.name()] = verdict_in(*object, test);
    }
    return verdicts;
}

Result<SelftestVerdict> kernel_verdict_of(const Selftest& test, Loader loader) {
    libbpf_set_print(nullptr);
    LoadedObject loaded;
    loaded.object.reset(bpf_object__open(test.object.c_str()));
    if (!loaded.object) return kernel_failure(test.object, errno);
    leave_out_unknown_maps(loaded.object.get());
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, loaded.object.get()) {
        const std::string name = bpf_program__name(program);
        if (name == test.program) loaded.program = program;
        const bool is_companion = std::ranges::find(test.companions, name) != test.companions.end();
        bpf_program__set_autoload(program, name == test.program || is_companion);
    }
    if (loaded.program == nullptr)
        return fail(ErrorKind::kNotFound, test.name() + ": libbpf sees no such program");
    bpf_program__set_flags(loaded.program, bpf_program__flags(loaded.program) | test.flags);
    std::optional<WithoutPerfmon> strict;
    if (loader == Loader::kWithoutPerfmon) strict.emplace();
    if (const auto judged = load_opened(loaded); !judged) return std::unexpected(judged.error());
    return SelftestVerdict{loaded.verdict.accepted, last_line(loaded.verdict.log)};
}

}  // namespace weir::tests
