// Layout of the code: single entry, burst entry, subprograms, constants that calls out of reach go
// through.

#include "jit/machine_code.h"

#include <asmjit/x86.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "jit/analysis.h"
#include "jit/emission.h"
#include "jit/overlap_plan.h"
#include "jit/rename.h"
#include "vm/base/check.h"

namespace weir::jit {
namespace {

constexpr uint32_t kEntryAlignBytes = 16;

struct Layout {
    asmjit::Label single, tail, burst;
    std::optional<OverlapLabels> overlap;
};

void bind_entry(Emission& e, const asmjit::Label& label) {
    e.a.align(asmjit::AlignMode::kCode, kEntryAlignBytes);
    e.a.bind(label);
}

Layout emit_all(Emission& e, const std::optional<OverlapPlan>& plan) {
    Layout layout{e.a.newLabel(), e.a.newLabel(), e.a.newLabel(), std::nullopt};
    for (size_t i = 0; i < e.analysis.functions.size(); ++i) {
        e.functions.push_back(e.a.newLabel());
        e.callback_entries.push_back(e.a.newLabel());
    }
    bind_entry(e, layout.single);
    emit_single_entry(e, layout.tail);
    bind_entry(e, layout.burst);
    emit_burst_entry(e);
    if (plan) layout.overlap = emit_overlap(e, *plan);
    for (size_t i = 1; i < e.analysis.functions.size(); ++i) {
        e.a.align(asmjit::AlignMode::kCode, kEntryAlignBytes);
        emit_subprogram(e, i);
        if (e.analysis.functions[i].is_callback) emit_callback_entry(e, i);
    }
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
    return fail(ErrorKind::kResource,
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

    asmjit::CodeHolder holder;
    FirstError first_error;
    holder.init(asmjit::Environment::host());
    holder.setErrorHandler(&first_error);
    asmjit::x86::Assembler assembler(&holder);
    assembler.addEncodingOptions(asmjit::EncodingOptions::kOptimizedAlign);
    Emission emission{assembler, input, *analysis, {}, {}, {}, {}, {}};
    const Layout layout = emit_all(emission, plan);
    if (!emission.refusal.empty()) return fail(ErrorKind::kUnsupported, "jit: " + emission.refusal);
    if (!first_error.message().empty())
        return fail(ErrorKind::kResource, "jit: " + first_error.message());

    Result<CodeMemory> memory = place(holder);
    if (!memory) return std::unexpected(memory.error());
    MachineCode code(std::move(*memory));
    code.single_offset_ = holder.labelOffsetFromBase(layout.single);
    code.tail_offset_ = holder.labelOffsetFromBase(layout.tail);
    code.burst_offset_ = holder.labelOffsetFromBase(layout.burst);
    code.may_redirect_ = analysis->may_redirect;
    if (plan) {
        code.overlap_ = overlap_code(holder, *layout.overlap, code.memory_.address());
        code.overlap_->stack_bytes = analysis->functions[0].stack_bytes;
        code.overlap_maps_ = std::move(plan->maps);
    }
    for (size_t i = 0; i < analysis->functions.size(); ++i)
        if (analysis->functions[i].is_callback)
            code.callable_.push_back({analysis->functions[i].begin,
                                      holder.labelOffsetFromBase(emission.callback_entries[i])});
    return code;
}

uint64_t MachineCode::function_address(uint32_t insn) const {
    const auto found = std::ranges::find(callable_, insn, &CallableFunction::insn);
    return found == callable_.end() ? 0 : memory_.address() + found->offset;
}

}  // namespace weir::jit
