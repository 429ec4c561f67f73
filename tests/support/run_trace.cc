#include "tests/support/run_trace.h"

#include <algorithm>
#include <cstring>

#include "vm/isa/helper_ids.h"

namespace weir::tests {
namespace {

using vm::Format;

bool is_call(Format format) {
    return format == Format::Call || format == Format::CallReg;
}

/// Anything that may change the stack: what happens inside of helpers counts.
bool may_write(Format format) {
    return format == Format::StoreImm || format == Format::StoreReg || format == Format::Atomic ||
           format == Format::Exit || is_call(format);
}

uint64_t word_at(const uint8_t* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

}  // namespace

/// The target begins at its first slot, which never follows a call.
bool TraceRecorder::is_tail_called(const vm::RunStep& step) const {
    return last_insn().op == vm::Op::kCallHelper &&
           last_insn().imm == number_of(vm::HelperId::tail_call) &&
           step.insn != trace_.steps.back().insn + 1;
}

/// True where a frame begins with this step.
bool TraceRecorder::enter_frame(const vm::RunStep& step) {
    if (trace_.steps.empty()) {
        trace_.frames.push_back({0, 0, step.insn, 0, 0});
        trace_.frame_top = step.registers[10];
        return true;
    }
    auto call_step = static_cast<uint32_t>(trace_.steps.size() - 1);
    if (last_insn().op == vm::Op::kExit) {  // a helper may call back again
        call_step = trace_.frames[frame_].call_step;
        frame_ = trace_.frames[frame_].parent;
    }
    while (trace_.frames[frame_].depth > step.depth) frame_ = trace_.frames[frame_].parent;
    if (step.depth == trace_.frames[frame_].depth) return false;
    trace_.frames.push_back(
        {frame_, step.depth, step.insn, call_step, static_cast<uint32_t>(trace_.steps.size())});
    frame_ = static_cast<uint32_t>(trace_.frames.size() - 1);
    return true;
}

void TraceRecorder::note_stack(const vm::RunStep& step) {
    const size_t bytes = step.stack.size();
    if (trace_.stack.size() < bytes) trace_.stack.resize(bytes);
    for (uint32_t frame = 0; frame <= step.depth; ++frame) {
        const uint8_t* const now = step.stack.data() + (step.depth - frame) * size_t{kStackBytes};
        uint8_t* const known = trace_.stack.data() + frame * size_t{kStackBytes};
        if (std::memcmp(now, known, kStackBytes) == 0) continue;
        for (uint32_t at = 0; at < kStackBytes; at += 8) {
            if (word_at(now + at) == word_at(known + at)) continue;
            trace_.undo.push_back({(frame * kStackBytes + at) / 8, word_at(known + at)});
            std::memcpy(known + at, now + at, 8);
        }
    }
}

/// What calls return, what functions are given, and where loads of addresses point.
void TraceRecorder::note_regions(const vm::RunStep& step) {
    for (const uint64_t value : step.registers)
        if (const vm::Region* region = step.memory.find(value))
            trace_.regions.insert_or_assign(std::pair(region->base, region->map), *region);
}

void TraceRecorder::step(const vm::RunStep& step) {
    const bool is_first = trace_.steps.empty();
    if (trace_.cut || (trace_.cut = !is_first && is_tail_called(step))) return;
    if ((trace_.cut = trace_.steps.size() == kTraceStepsMax)) return;
    const Format before = is_first ? Format::Goto : op_info(last_insn().op).format;
    const bool entered = enter_frame(step);
    if (entered || may_write(before)) note_stack(step);
    if (entered || is_call(before) || before == Format::LoadImm64) note_regions(step);
    TraceStep made{.insn = step.insn,
                   .frame = frame_,
                   .initialised = step.initialised,
                   .undo_end = static_cast<uint32_t>(trace_.undo.size()),
                   .data = reinterpret_cast<uint64_t>(packet_.data),
                   .data_end = reinterpret_cast<uint64_t>(packet_.data_end),
                   .data_meta = reinterpret_cast<uint64_t>(packet_.data_meta)};
    std::ranges::copy(step.registers, made.registers.begin());
    trace_.steps.push_back(made);
}

}  // namespace weir::tests
