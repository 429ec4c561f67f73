// Layout of the code: single entry, burst entry, subprograms, constants that calls out of reach go
// through.

#include "jit/machine_code.h"

#include <asmjit/x86.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "jit/analysis.h"
#include "jit/emission.h"
#include "jit/overlap_plan.h"
#include "jit/relaxing_assembler.h"
#include "jit/rename.h"
#include "vm/base/check.h"

namespace weir::jit {
namespace {

struct Layout {
    asmjit::Label single, tail, burst;
    std::optional<OverlapLabels> overlap;
};

Layout emit_all(Emission& e, const std::optional<OverlapPlan>& plan) {
    Layout layout{e.a.newLabel(), e.a.newLabel(), e.a.newLabel(), std::nullopt};
    for (size_t i = 0; i < e.analysis.functions.size(); ++i) {
        e.functions.push_back(e.a.newLabel());
        e.callback_entries.push_back(e.a.newLabel());
    }
    begin_function(e, CodeEntry::kSingle, 0);
    e.a.bind(layout.single);
    emit_single_entry(e, layout.tail);
    begin_function(e, CodeEntry::kBurst, 0);
    e.a.bind(layout.burst);
    emit_burst_entry(e);
    if (plan) layout.overlap = emit_overlap(e, *plan);
    for (size_t i = 1; i < e.analysis.functions.size(); ++i) {
        begin_function(e, CodeEntry::kSubprogram, i);
        emit_subprogram(e, i);
        if (e.analysis.functions[i].is_callback) emit_callback_entry(e, i);
    }
    end_function(e);
    return layout;
}

/// What the stops of a plan ask of the code around them: nothing is fused across one, and they
/// call.
void make_room_for(const OverlapPlan& plan, Analysis& analysis) {
    for (const OverlapStop& stop : plan.stops) analysis.resumptions[stop.slot] = 1;
    analysis.functions[0].makes_calls = true;
    analysis.needs_env = true;
}

OverlapCode overlap_code(const asmjit::CodeHolder& holder, const OverlapLabels& labels,
                         uint64_t base) {
    const auto address = [&](const asmjit::Label& label) {
        return base + holder.labelOffsetFromBase(label);
    };
    return {.start = address(labels.start),
            .through = address(labels.through),
            .advance = reinterpret_cast<OverlapPass>(address(labels.advance)),
            .complete = reinterpret_cast<OverlapPass>(address(labels.complete))};
}

std::unexpected<Error> asmjit_error(asmjit::Error error) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("jit: {}", asmjit::DebugUtils::errorAsString(error)));
}

/// Fixes the code to its address and puts it there.
Result<CodeMemory> place(asmjit::CodeHolder& holder) {
    if (const asmjit::Error error = holder.flatten(); error != asmjit::kErrorOk)
        return asmjit_error(error);
    if (const asmjit::Error error = holder.resolveUnresolvedLinks(); error != asmjit::kErrorOk)
        return asmjit_error(error);
    Result<CodeMemory> memory = CodeMemory::reserve(holder.codeSize());
    if (!memory) return memory;
    if (const asmjit::Error error = holder.relocateToBase(memory->address());
        error != asmjit::kErrorOk)
        return asmjit_error(error);
    std::vector<uint8_t> bytes(holder.codeSize());
    if (const asmjit::Error error = holder.copyFlattenedData(bytes.data(), bytes.size());
        error != asmjit::kErrorOk)
        return asmjit_error(error);
    if (const Result<void> filled = memory->fill(bytes); !filled)
        return std::unexpected(filled.error());
    return memory;
}

}  // namespace

CpuFeatures host_cpu_features() {
    if constexpr (!kHostIsX86_64) return {};
    using Feature = asmjit::CpuFeatures::X86;
    const asmjit::CpuInfo& host = asmjit::CpuInfo::host();
    return {.bmi2 = host.hasFeature(Feature::kBMI2), .movbe = host.hasFeature(Feature::kMOVBE)};
}

namespace {

/// One run of the emitters over the program.
struct Emitted {
    asmjit::CodeHolder holder;
    FirstError first_error;
    Layout layout;
    std::vector<asmjit::Label> callback_entries;
    std::string refusal;
    CodeMap code_map;
};

void emit_program(const CompileInput& input, const Analysis& analysis,
                  const std::optional<OverlapPlan>& plan, JumpForms& forms, bool measures,
                  Emitted& out) {
    out.holder.init(asmjit::Environment::host());
    out.holder.setErrorHandler(&out.first_error);
    RelaxingAssembler assembler(&out.holder, forms, measures);
    assembler.addEncodingOptions(asmjit::EncodingOptions::kOptimizedAlign);
    Emission emission{assembler, input, analysis, {}, {}, {}, {}, {}};
    out.layout = emit_all(emission, plan);
    out.callback_entries = std::move(emission.callback_entries);
    out.refusal = std::move(emission.refusal);
    out.code_map = std::move(emission.code_map);
}

std::vector<CallableFunction> callable_functions(const Emitted& emitted, const Analysis& analysis) {
    std::vector<CallableFunction> callable;
    for (size_t i = 0; i < analysis.functions.size(); ++i)
        if (analysis.functions[i].is_callback)
            callable.push_back({analysis.functions[i].begin,
                                emitted.holder.labelOffsetFromBase(emitted.callback_entries[i])});
    return callable;
}

/// `given` with some of r6..r9 renamed, in `slots`.
CompileInput renamed_input(const CompileInput& given, const Analysis& analysis,
                           std::vector<vm::DecodedSlot>& slots) {
    CompileInput input = given;
    if (auto renamed = rename_saved_registers(given, analysis)) {
        slots = std::move(*renamed);
        input.slots = slots;
    }
    return input;
}

}  // namespace

Result<MachineCode> MachineCode::generate(const CompileInput& given) {
    if constexpr (!kHostIsX86_64)
        return fail(ErrorKind::kUnsupported, "jit: no back end for this CPU, only for x86-64");
    const Result<Analysis> first = analyse(given);
    if (!first) return std::unexpected(first.error());
    std::vector<vm::DecodedSlot> slots;
    const CompileInput input = renamed_input(given, *first, slots);
    Result<Analysis> analysis = analyse(input);
    if (!analysis) return std::unexpected(analysis.error());
    std::optional<OverlapPlan> plan = plan_overlap(input, analysis->liveness);
    if (plan) make_room_for(*plan, *analysis);

    JumpForms forms;
    Emitted measured, emitted;
    emit_program(input, *analysis, plan, forms, true, measured);
    if (!measured.refusal.empty()) return fail(ErrorKind::kUnsupported, "jit: " + measured.refusal);
    forms.choose(measured.holder);
    emit_program(input, *analysis, plan, forms, false, emitted);
    if (!emitted.first_error.message().empty())
        return fail(ErrorKind::kUnsupported, "jit: " + emitted.first_error.message());

    Result<CodeMemory> memory = place(emitted.holder);
    if (!memory) return std::unexpected(memory.error());
    MachineCode code(std::move(*memory));
    code.single_offset_ = emitted.holder.labelOffsetFromBase(emitted.layout.single);
    code.tail_offset_ = emitted.holder.labelOffsetFromBase(emitted.layout.tail);
    code.burst_offset_ = emitted.holder.labelOffsetFromBase(emitted.layout.burst);
    code.may_redirect_ = analysis->may_redirect;
    code.map_ = std::make_unique<const CodeMap>(std::move(emitted.code_map));
    if (plan) {
        code.overlap_ =
            overlap_code(emitted.holder, *emitted.layout.overlap, code.memory_.address());
        code.overlap_->stack_bytes = analysis->functions[0].stack_bytes;
        code.overlap_maps_ = std::move(plan->maps);
    }
    code.callable_ = callable_functions(emitted, *analysis);
    return code;
}

uint64_t MachineCode::function_address(uint32_t insn) const {
    const auto found = std::ranges::find(callable_, insn, &CallableFunction::insn);
    return found == callable_.end() ? 0 : memory_.address() + found->offset;
}

}  // namespace weir::jit
