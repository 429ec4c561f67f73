// Interference as in Chaitin's register allocator ("Register allocation & spilling via graph
// coloring", 1982): what an instruction writes interferes with everything that is live behind it,
// but that a copy does not interfere with its source. Registers are merged whole.

#include "jit/rename.h"

#include <array>

#include "jit/insn_class.h"
#include "jit/registers.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;

bool is_shift(AluCode code) {
    return code == AluCode::Lsh || code == AluCode::Rsh || code == AluCode::Arsh;
}

using Names = std::array<uint8_t, kNames>;

/// Emitters of these work on their operands alone.
bool needs_no_scratch(const CompileInput& input, const DecodedInsn& insn) {
    if (input.options.blind_constants) return false;  // constants are put right there
    switch (vm::op_info(insn.op).format) {
        case Format::AluReg:
            if (is_shift(alu_code(insn.op)) && !input.cpu.bmi2) return false;
            [[fallthrough]];
        case Format::AluImm:
            return alu_code(insn.op) != AluCode::Div && alu_code(insn.op) != AluCode::Mod;
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::Load:
        case Format::StoreImm:
        case Format::StoreReg: return true;
        case Format::MayGoto:
        case Format::Call:
        case Format::CallReg:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::Atomic: return false;
    }
    return false;
}

class Interference {
public:
    Interference(const CompileInput& input, const Analysis& analysis, const FunctionFacts& function)
        : input_(input), liveness_(analysis.liveness) {
        for (uint32_t slot = function.begin; slot < function.end; ++slot)
            if (input.reachable(slot)) add_insn(slot);
        add_entry(liveness_.before(function.begin));
    }

    bool between(uint8_t a, uint8_t b) const { return (with_[a] & set_of(b)) != 0; }
    /// No instruction keeps anything in scratch registers.
    bool leaves_scratch() const { return leaves_scratch_; }
    /// Copied from or to it: with one name for both, the copy is nothing.
    bool is_copy(uint8_t a, uint8_t b) const { return (copies_[a] & set_of(b)) != 0; }
    bool is_used(uint8_t reg) const { return (used_ & set_of(reg)) != 0; }

    /// From now on `kept` stands for both.
    void merge(uint8_t kept, uint8_t gone) {
        with_[kept] = static_cast<RegisterSet>(with_[kept] | with_[gone]);
        for (uint8_t other = 0; other < kNames; ++other)
            if (between(gone, other)) with_[other] |= set_of(kept);
    }

private:
    void add(uint8_t written, RegisterSet others) {
        others = static_cast<RegisterSet>(others & ~set_of(written));
        with_[written] |= others;
        for (uint8_t other = 0; other < kNames; ++other)
            if ((others & set_of(other)) != 0) with_[other] |= set_of(written);
    }

    void add_insn(uint32_t slot) {
        const DecodedInsn& insn = input_.slots[slot].insn;
        const RegisterUse use = register_use(insn, !input_.facts.empty());
        used_ = static_cast<RegisterSet>(used_ | use.reads | use.writes);
        RegisterSet live = liveness_.after(slot);
        if (insn.op == vm::Op::kMov64Reg) {
            live = static_cast<RegisterSet>(live & ~set_of(insn.src));
            copies_[insn.dst] |= set_of(insn.src);
            copies_[insn.src] |= set_of(insn.dst);
        }
        for (uint8_t reg = 0; reg < kNames; ++reg)
            if ((use.writes & set_of(reg)) != 0) add(reg, live);
        leaves_scratch_ = leaves_scratch_ && needs_no_scratch(input_, insn);
        const Format format = vm::op_info(insn.op).format;
        if (format == Format::LoadPacketAbs || format == Format::LoadPacketInd)
            keep_name(kSavedFirst);  // those name r6 without a field
    }

    /// Arguments come at the same moment; r6..r9 hold nothing then, unless nobody proved it.
    void add_entry(RegisterSet live) {
        for (uint8_t reg = 0; reg < kNames; ++reg) {
            if ((live & set_of(reg)) == 0) continue;
            add(reg, live);
            if (reg >= kSavedFirst && reg <= kSavedLast) keep_name(reg);
        }
    }

    void keep_name(uint8_t reg) { add(reg, UINT16_MAX); }

    const CompileInput& input_;
    const Liveness& liveness_;
    std::array<RegisterSet, kNames> with_{}, copies_{};
    RegisterSet used_ = 0;
    bool leaves_scratch_ = true;
};

constexpr uint8_t kFreeLast = 5;  ///< r0..r5 need no saving

/// A name for what `saved` holds, or `saved`.
uint8_t name_for(const Interference& interference, uint8_t saved) {
    for (uint8_t free = 0; free <= kFreeLast; ++free)
        if (!interference.between(saved, free) && interference.is_copy(saved, free)) return free;
    for (uint8_t free = 0; free <= kFreeLast; ++free)
        if (!interference.between(saved, free)) return free;
    if (!interference.leaves_scratch()) return saved;
    for (uint8_t spare = kSpareFirst; spare < kNames; ++spare)
        if (!interference.between(saved, spare)) return spare;
    return saved;
}

bool choose_names(Interference& interference, Names& names) {
    bool changed = false;
    for (uint8_t i = 0; i < names.size(); ++i) names[i] = i;
    for (uint8_t saved = kSavedFirst; saved <= kSavedLast; ++saved) {
        if (!interference.is_used(saved)) continue;
        names[saved] = name_for(interference, saved);
        if (names[saved] == saved) continue;
        interference.merge(names[saved], saved);
        changed = true;
    }
    return changed;
}

bool reads_source(Format format) {
    return format == Format::AluReg || format == Format::JumpReg || format == Format::Load ||
           format == Format::StoreReg || format == Format::Atomic ||
           format == Format::LoadPacketInd;
}

void rename_function(const CompileInput& input, const FunctionFacts& function, const Names& names,
                     std::vector<vm::DecodedSlot>& slots) {
    for (uint32_t slot = function.begin; slot < function.end; ++slot) {
        if (!input.reachable(slot)) continue;
        DecodedInsn& insn = slots[slot].insn;
        insn.dst = names[insn.dst];
        if (reads_source(vm::op_info(insn.op).format)) insn.src = names[insn.src];
    }
}

}  // namespace

std::optional<std::vector<vm::DecodedSlot>> rename_saved_registers(const CompileInput& input,
                                                                   const Analysis& analysis) {
    std::optional<std::vector<vm::DecodedSlot>> renamed;
    for (const FunctionFacts& function : analysis.functions) {
        if (function.saved_written == 0) continue;
        Interference interference(input, analysis, function);
        Names names;
        if (!choose_names(interference, names)) continue;
        if (!renamed) renamed.emplace(input.slots.begin(), input.slots.end());
        rename_function(input, function, names, *renamed);
    }
    return renamed;
}

}  // namespace weir::jit
