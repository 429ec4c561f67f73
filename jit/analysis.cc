#include "jit/analysis.h"

#include <algorithm>

#include <fmt/format.h>

#include "jit/inline_helper.h"
#include "jit/register_use.h"
#include "jit/registers.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
using vm::Op;

std::unexpected<Error> refuse(size_t slot, const std::string& what) {
    return fail(ErrorKind::kUnsupported, fmt::format("jit: insn {}: {}", slot, what));
}

bool names_frame(const DecodedInsn& insn) {
    switch (vm::op_info(insn.op).format) {
        case Format::AluReg:
        case Format::JumpReg:
        case Format::Load:
        case Format::StoreImm:
        case Format::StoreReg:
        case Format::Atomic:
        case Format::JumpImm:
        case Format::AluImm:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::LoadImm64:
        case Format::CallReg: return insn.dst == kFramePointer || insn.src == kFramePointer;
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Call:
        case Format::Exit:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return false;
    }
    return false;
}

Result<void> refuse_without_code(const DecodedInsn& insn, size_t slot) {
    const Format format = vm::op_info(insn.op).format;
    if (format == Format::LoadPacketAbs || format == Format::LoadPacketInd)
        return refuse(slot, "legacy packet access is not offered to XDP programs");
    if (insn.op == Op::kLoadVarAddr || insn.op == Op::kLoadMapByIdx ||
        insn.op == Op::kLoadMapValueByIdx)
        return refuse(slot, "address that the loader did not resolve");
    if (written_register(insn) == kFramePointer) return refuse(slot, "r10 is read-only");
    return {};
}

void note_helper(const CompileInput& input, size_t slot, FunctionFacts& function,
                 Analysis& analysis) {
    const HelperForm form = helper_form(input, slot);
    if (form_calls(form)) function.makes_calls = true;
    if (form_reads_env(form)) analysis.needs_env = true;
    const int64_t id = input.slots[slot].insn.imm;
    if (is_tail_call(input, slot)) analysis.tail_calls = true;
    const bool by_map = analysis.tail_calls || id == number_of(vm::HelperId::redirect_map);
    if (by_map || id == number_of(vm::HelperId::redirect)) analysis.may_redirect = true;
    if (by_map) analysis.may_redirect_by_map = true;
}

/// Records what one instruction asks of its function.
void note_insn(const CompileInput& input, size_t slot, FunctionFacts& function,
               Analysis& analysis) {
    const DecodedInsn& insn = input.slots[slot].insn;
    const uint8_t written = written_register(insn);
    if (written >= kSavedFirst && written <= kSavedLast)
        function.saved_written = static_cast<uint16_t>(function.saved_written | (1u << written));
    if (names_frame(insn)) function.uses_frame = true;
    if (insn.op == Op::kCallHelper) note_helper(input, slot, function, analysis);
    if (insn.op == Op::kCallLocal) function.makes_calls = true;
    if (insn.op == Op::kCallKfunc) function.makes_calls = analysis.needs_env = true;
    if (insn.op == Op::kMayGoto) analysis.needs_env = analysis.takes_may_gotos = true;
    if (insn.op == Op::kCallReg)
        function.makes_calls = analysis.needs_env = analysis.may_redirect =
            analysis.may_redirect_by_map = true;
    if (insn.op == Op::kExit && function.begin == 0 && may_abort(input, slot))
        analysis.needs_env = true;
}

/// What is called, or whose address is taken.
Result<void> check_function(const CompileInput& input, size_t slot, int64_t target) {
    const bool is_call = input.slots[slot].insn.op == Op::kCallLocal;
    if (target == 0) return refuse(slot, "a program cannot call itself");
    const auto is_target = [target](const FunctionInput& function) {
        return function.entry == target;
    };
    if (std::any_of(input.functions.begin(), input.functions.end(), is_target)) return {};
    return refuse(slot, fmt::format("{} of {}, where no function begins",
                                    is_call ? "call" : "address", target));
}

Result<void> note_jump(const CompileInput& input, size_t slot, const FunctionFacts& function,
                       Analysis& analysis) {
    const DecodedInsn& insn = input.slots[slot].insn;
    if (insn.op == Op::kLoadCodeAddr) return check_function(input, slot, code_target(insn, slot));
    const vm::JumpTarget target = vm::jump_target(insn, slot);
    if (!target.exists) return {};
    if (insn.op == Op::kCallLocal) return check_function(input, slot, target.slot);
    if (target.slot < function.begin || target.slot >= function.end)
        return refuse(slot, fmt::format("jump to {} leaves the function", target.slot));
    uint8_t& lands = analysis.jump_targets[static_cast<size_t>(target.slot)];
    lands |= Analysis::kLands;
    if (target.slot <= static_cast<int64_t>(slot)) lands |= Analysis::kLandsFromBelow;
    return {};
}

bool ends_function(const DecodedInsn& insn) {
    return insn.op == Op::kExit || insn.op == Op::kGoto || insn.op == Op::kGotoLong;
}

Result<void> analyse_function(const CompileInput& input, FunctionFacts& function,
                              Analysis& analysis) {
    const DecodedInsn* last = nullptr;
    for (uint32_t slot = function.begin; slot < function.end; ++slot) {
        if (!input.reachable(slot)) {
            if (!input.slots[slot].second_slot) last = nullptr;
            continue;
        }
        const DecodedInsn& insn = input.slots[slot].insn;
        if (const Result<void> known = refuse_without_code(insn, slot); !known) return known;
        note_insn(input, slot, function, analysis);
        if (const Result<void> jump = note_jump(input, slot, function, analysis); !jump)
            return jump;
        last = &insn;
    }
    if (last != nullptr && !ends_function(*last))
        return refuse(function.end - 1, "function runs past its end");
    return {};
}

}  // namespace

std::vector<FunctionInput> find_functions(std::span<const vm::DecodedSlot> slots,
                                          uint32_t stack_bytes) {
    std::vector<uint32_t> entries = {0};
    for (size_t slot = 0; slot < slots.size(); ++slot)
        if (!slots[slot].second_slot && slots[slot].insn.op == Op::kCallLocal)
            entries.push_back(static_cast<uint32_t>(vm::jump_target(slots[slot].insn, slot).slot));
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    std::vector<FunctionInput> functions;
    for (const uint32_t entry : entries) functions.push_back({entry, stack_bytes});
    return functions;
}

size_t Analysis::function_at(uint32_t slot) const {
    const auto found =
        std::lower_bound(functions.begin(), functions.end(), slot,
                         [](const FunctionFacts& f, uint32_t wanted) { return f.begin < wanted; });
    WEIR_CHECK(found != functions.end() && found->begin == slot);
    return static_cast<size_t>(found - functions.begin());
}

namespace {

/// Once all functions are known.
void note_callbacks(const CompileInput& input, Analysis& analysis) {
    for (size_t slot = 0; slot < input.slots.size(); ++slot) {
        const DecodedInsn& insn = input.slots[slot].insn;
        if (!input.reachable(slot) || insn.op != Op::kLoadCodeAddr) continue;
        const auto entry = static_cast<uint32_t>(code_target(insn, slot));
        analysis.functions[analysis.function_at(entry)].is_callback = true;
    }
}

}  // namespace

Result<Analysis> analyse(const CompileInput& input) {
    WEIR_CHECK(!input.slots.empty() && !input.functions.empty() && input.functions[0].entry == 0);
    WEIR_CHECK(input.facts.empty() || input.facts.size() == input.slots.size());
    Analysis analysis;
    analysis.jump_targets.resize(input.slots.size());
    analysis.resumptions.resize(input.slots.size());
    for (size_t i = 0; i < input.functions.size(); ++i) {
        const bool last = i + 1 == input.functions.size();
        FunctionFacts function;
        function.begin = input.functions[i].entry;
        function.end =
            last ? static_cast<uint32_t>(input.slots.size()) : input.functions[i + 1].entry;
        function.stack_bytes = (input.functions[i].stack_bytes + 7) / 8 * 8;
        if (const Result<void> done = analyse_function(input, function, analysis); !done)
            return std::unexpected(done.error());
        if (!function.uses_frame) function.stack_bytes = 0;
        analysis.functions.push_back(function);
    }
    std::vector<uint32_t> ends;
    for (const FunctionFacts& function : analysis.functions) ends.push_back(function.end);
    analysis.liveness = Liveness(input, ends);
    note_callbacks(input, analysis);
    return analysis;
}

}  // namespace weir::jit
