// Rotations. eBPF has no instruction for them, so that hashes shift one value up and down and put
// the halves together. The straight code is run over symbols: which value each register is a copy
// or a shift of.

#include <array>
#include <utility>

#include "jit/insn_class.h"
#include "jit/peephole.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using vm::DecodedInsn;
using vm::Format;

constexpr size_t kWindowMax = 5;  ///< two copies, two shifts, or

/// What `source` held in front of the window, as it was or shifted.
struct Symbol {
    enum class Kind { Copy, Up, Down } kind = Kind::Copy;
    uint8_t source = 0;
    uint32_t by = 0;
};

struct Rotation {
    uint8_t source = 0;
    uint32_t left = 0;
};

class ShiftRun {
public:
    ShiftRun() {
        for (uint8_t i = 0; i < symbols_.size(); ++i) symbols_[i].source = i;
    }

    /// False where the instruction is none of those that rotations are made of. Says yes to or, and
    /// the caller looks whether that made one.
    bool step(const DecodedInsn& insn) {
        const vm::OpInfo& info = vm::op_info(insn.op);
        if (info.format == Format::AluImm) return shift(insn, info.bits);
        if (info.format != Format::AluReg || !fits(info.bits)) return false;
        if (alu_code(insn.op) == AluCode::Or) return true;
        if (alu_code(insn.op) != AluCode::Mov || move_extends_bits(insn.op) != 0) return false;
        if (info.bits == 32) bits_ = 32;
        symbols_[insn.dst] = symbols_[insn.src];
        written_ |= set_of(insn.dst);
        return true;
    }

    bool is_rotation(const DecodedInsn& join, Rotation& rotation) const {
        const Symbol *up = &symbols_[join.dst], *down = &symbols_[join.src];
        if (up->kind == Symbol::Kind::Down) std::swap(up, down);
        if (up->kind != Symbol::Kind::Up || down->kind != Symbol::Kind::Down) return false;
        if (up->source != down->source || up->by + down->by != bits_) return false;
        rotation = {up->source, up->by};
        return true;
    }

    RegisterSet written() const { return written_; }
    uint32_t bits() const { return bits_; }

private:
    /// Copies of 64 bits serve shifts of either width, everything else has one.
    bool fits(uint32_t bits) const { return bits_ == 0 || bits == bits_ || bits == 64; }

    bool shift(const DecodedInsn& insn, uint32_t bits) {
        const AluCode code = alu_code(insn.op);
        Symbol& symbol = symbols_[insn.dst];
        if (code != AluCode::Lsh && code != AluCode::Rsh) return false;
        if (bits_ != 0 && bits != bits_) return false;
        if (symbol.kind != Symbol::Kind::Copy || insn.imm <= 0 || insn.imm >= bits) return false;
        bits_ = bits;
        symbol.kind = code == AluCode::Lsh ? Symbol::Kind::Up : Symbol::Kind::Down;
        symbol.by = static_cast<uint32_t>(insn.imm);
        written_ |= set_of(insn.dst);
        return true;
    }

    std::array<Symbol, kNames> symbols_{};
    RegisterSet written_ = 0;
    uint32_t bits_ = 0;  ///< of the rotation; 0: not known yet
};

void emit_rotation(Emission& e, uint8_t result, const Rotation& rotation, uint32_t bits) {
    const Gp dst = sized(reg64(result), bits), src = sized(reg64(rotation.source), bits);
    if (dst.id() == src.id()) {
        e.a.rol(dst, Imm(rotation.left));
    } else if (e.input.cpu.bmi2) {
        e.a.rorx(dst, src, Imm(bits - rotation.left));
    } else {
        e.a.mov(dst, src);
        e.a.rol(dst, Imm(rotation.left));
    }
}

}  // namespace

size_t fold_rotate(Emission& e, const Window& w) {
    ShiftRun run;
    for (size_t n = 0; n < kWindowMax; ++n) {
        const DecodedInsn* insn = w.at(n);
        if (insn == nullptr || !run.step(*insn)) return 0;
        const bool is_join =
            vm::op_info(insn->op).format == Format::AluReg && alu_code(insn->op) == AluCode::Or;
        if (!is_join) continue;
        Rotation rotation;
        if (vm::op_info(insn->op).bits != run.bits() || !run.is_rotation(*insn, rotation)) return 0;
        const auto others = static_cast<RegisterSet>(run.written() & ~set_of(insn->dst));
        if ((w.live_after(n) & others) != 0) return 0;
        emit_rotation(e, insn->dst, rotation, run.bits());
        return n + 1;
    }
    return 0;
}

}  // namespace weir::jit
