// Which instructions carry a constant of the program, and their forms with the constant in a
// scratch register. Shift amounts (one byte) and offsets of memory accesses (two) stay.

#include "jit/blinding.h"

#include <sys/random.h>

#include <cerrno>

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using vm::Format;
namespace x86 = asmjit::x86;

/// Two runs of the emitters over one program give code of one length (relaxed jumps rely on it), so
/// no key may have a shorter form.
template <typename Suits>
uint64_t key_that(Emission& e, Suits suits) {
    constexpr int kTries = 64;
    for (int i = 0; i < kTries; ++i)
        if (const uint64_t key = e.blinding_keys.next(); suits(key)) return key;
    if (e.refusal.empty()) e.refusal = "no random numbers to blind constants with";
    return UINT32_MAX;
}

bool fits_int8(int64_t value) {
    return value >= INT8_MIN && value <= INT8_MAX;
}
bool fits_32_bits(uint64_t value) {
    return value <= UINT32_MAX || static_cast<uint64_t>(static_cast<int32_t>(value)) == value;
}

void emit_blinded_constant(Emission& e, const Gp& reg, uint64_t value) {
    if (value <= UINT32_MAX) {
        const auto key = static_cast<int32_t>(
            key_that(e, [](uint64_t random) { return !fits_int8(static_cast<int32_t>(random)); }));
        e.a.mov(reg.r32(), Imm(static_cast<uint32_t>(value) ^ static_cast<uint32_t>(key)));
        e.a.xor_(reg.r32(), Imm(key));
    } else if (fits_32_bits(value)) {
        // A negative number: with a positive key it stays one. Both are sign-extended, and so is
        // their exclusive or.
        const auto key = static_cast<int32_t>(
            key_that(e, [](uint64_t random) { return static_cast<int32_t>(random) > INT8_MAX; }));
        e.a.mov(reg.r64(), Imm(int64_t{static_cast<int32_t>(value) ^ key}));
        e.a.xor_(reg.r64(), Imm(key));
    } else {
        const uint64_t key = key_that(e, [value](uint64_t random) {
            return !fits_32_bits(random) && !fits_32_bits(value ^ random);
        });
        const Gp other = reg.id() == scratch_a().id() ? scratch_b() : scratch_a();
        e.a.mov(reg.r64(), Imm(value ^ key));
        e.a.mov(other, Imm(key));
        e.a.xor_(reg.r64(), other);
    }
}

bool emit_alu(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = sized(reg64(insn.dst), bits);
    switch (alu_code(insn.op)) {
        case AluCode::Add: e.a.add(dst, emit_program_operand(e, insn.imm, bits)); return true;
        case AluCode::Sub: e.a.sub(dst, emit_program_operand(e, insn.imm, bits)); return true;
        case AluCode::Mul: e.a.imul(dst, emit_program_operand(e, insn.imm, bits)); return true;
        case AluCode::Or: e.a.or_(dst, emit_program_operand(e, insn.imm, bits)); return true;
        case AluCode::And: e.a.and_(dst, emit_program_operand(e, insn.imm, bits)); return true;
        case AluCode::Xor: e.a.xor_(dst, emit_program_operand(e, insn.imm, bits)); return true;
        case AluCode::Mov: {
            const bool wide = bits == 64;
            emit_program_constant(
                e, dst, wide ? static_cast<uint64_t>(insn.imm) : static_cast<uint32_t>(insn.imm));
            return true;
        }
        case AluCode::Div:
        case AluCode::Mod:  // emit_divide.cc sees to it
        case AluCode::Lsh:
        case AluCode::Rsh:
        case AluCode::Arsh:
        case AluCode::Neg:
        case AluCode::End: return false;
    }
    return false;
}

}  // namespace

uint64_t BlindingKeys::next() {
    if (left_ == 0) {
        ssize_t got = -1;
        do {
            got = ::getrandom(keys_.data(), sizeof keys_, 0);
        } while (got < 0 && errno == EINTR);
        // The system has none to give: 0 suits nobody.
        if (got < static_cast<ssize_t>(sizeof keys_)) return 0;
        left_ = keys_.size();
    }
    return keys_[--left_];
}

void emit_program_constant(Emission& e, const Gp& reg, uint64_t value) {
    if (e.input.options.blind_constants && value != 0)
        emit_blinded_constant(e, reg, value);
    else
        emit_constant(e, reg, value);
}

Gp emit_program_operand(Emission& e, int64_t imm, uint32_t bits) {
    const uint64_t value = bits == 64 ? static_cast<uint64_t>(imm) : static_cast<uint32_t>(imm);
    emit_program_constant(e, scratch_c(), value);
    return sized(scratch_c(), bits);
}

bool emit_blinded(Emission& e, const vm::DecodedInsn& insn) {
    const vm::OpInfo& info = vm::op_info(insn.op);
    switch (info.format) {
        case Format::AluImm: return emit_alu(e, insn);
        case Format::StoreImm: {
            const Gp value = emit_program_operand(e, insn.imm, 64);
            e.a.mov(x86::ptr(reg64(insn.dst), insn.off, info.bits / 8), sized(value, info.bits));
            return true;
        }
        case Format::LoadImm64:
            if (insn.op != vm::Op::kLoadImm64) return false;
            emit_program_constant(e, reg64(insn.dst), static_cast<uint64_t>(insn.imm));
            return true;
        case Format::JumpImm:  // emit_jump.cc sees to it
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Call:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::Load:
        case Format::StoreReg:
        case Format::Atomic: return false;
    }
    return false;
}

}  // namespace weir::jit
