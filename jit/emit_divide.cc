// Division and modulo. Where x86 traps, eBPF has results (RFC 9669, section 4.1): x / 0 = 0, x % 0
// = x, INT_MIN / -1 = INT_MIN, INT_MIN % -1 = 0. The divide instructions work on rdx:rax, which are
// r3 and r0.

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

using asmjit::Imm;
using asmjit::Label;
namespace x86 = asmjit::x86;

struct Division {
    Gp dst;
    bool is_signed, is_modulo;
};

Division division_of(const vm::DecodedInsn& insn) {
    return {sized(reg64(insn.dst), vm::op_info(insn.op).bits), is_signed_division(insn.op),
            alu_code(insn.op) == AluCode::Mod};
}

/// dst = dst / divisor or dst % divisor for a divisor, in scratch, that cannot trap. Keeps rax and
/// rdx unless dst is there.
void emit_divide(Emission& e, const Division& d, const Gp& divisor) {
    const uint32_t bits = d.dst.size() * 8;
    const Gp ax = sized(x86::rax, bits), dx = sized(x86::rdx, bits);
    const bool in_ax = d.dst.id() == x86::rax.id(), in_dx = d.dst.id() == x86::rdx.id();
    if (!in_ax) e.a.mov(scratch_b(), x86::rax);
    if (!in_dx) e.a.mov(scratch_a(), x86::rdx);
    if (!in_ax) e.a.mov(ax, d.dst);
    if (!d.is_signed) {
        e.a.xor_(x86::edx, x86::edx);
        e.a.div(divisor);
    } else if (bits == 64) {
        e.a.cqo();
        e.a.idiv(divisor);
    } else {
        e.a.cdq();
        e.a.idiv(divisor);
    }
    const Gp result = d.is_modulo ? dx : ax;
    if (result.id() != d.dst.id()) e.a.mov(d.dst, result);
    if (!in_ax) e.a.mov(x86::rax, scratch_b());
    if (!in_dx) e.a.mov(x86::rdx, scratch_a());
}

void emit_by_zero(Emission& e, const Division& d) {
    if (!d.is_modulo)
        e.a.xor_(d.dst.r32(), d.dst.r32());
    else if (d.dst.size() == 4)
        e.a.mov(d.dst, d.dst);
}

void emit_by_minus_one(Emission& e, const Division& d) {
    if (d.is_modulo)
        e.a.xor_(d.dst.r32(), d.dst.r32());
    else
        e.a.neg(d.dst);
}

/// Unsigned, by a power of two up to 2^31: immediates have no larger positive one.
void emit_by_power(Emission& e, const Division& d, uint32_t shift) {
    if (d.is_modulo) {
        e.a.and_(d.dst.r32(), Imm((1u << shift) - 1));
    } else if (shift != 0) {
        e.a.shr(d.dst, Imm(shift));
    } else if (d.dst.size() == 4) {
        e.a.mov(d.dst, d.dst);
    }
}

}  // namespace

void emit_divide_imm(Emission& e, const vm::DecodedInsn& insn) {
    const Division d = division_of(insn);
    const bool wide = d.dst.size() == 8;
    const uint64_t divisor =
        wide ? static_cast<uint64_t>(insn.imm) : static_cast<uint32_t>(insn.imm);
    if (divisor == 0) return emit_by_zero(e, d);
    if (d.is_signed && insn.imm == -1) return emit_by_minus_one(e, d);
    const bool power = (divisor & (divisor - 1)) == 0 && !e.input.options.blind_constants;
    if (!d.is_signed && power && divisor <= (1ull << 31))
        return emit_by_power(e, d, static_cast<uint32_t>(__builtin_ctzll(divisor)));
    emit_program_constant(e, scratch_c(), divisor);
    emit_divide(e, d, sized(scratch_c(), d.dst.size() * 8));
}

void emit_divide_reg(Emission& e, const vm::DecodedInsn& insn) {
    const Division d = division_of(insn);
    const uint32_t bits = d.dst.size() * 8;
    const Gp divisor = sized(scratch_c(), bits);
    const Label by_zero = e.a.newLabel(), by_minus_one = e.a.newLabel(), done = e.a.newLabel();
    e.a.mov(divisor, sized(reg64(insn.src), bits));
    e.a.test(divisor, divisor);
    e.a.jz(by_zero);
    if (d.is_signed) {
        e.a.cmp(divisor, Imm(-1));
        e.a.je(by_minus_one);
    }
    emit_divide(e, d, divisor);
    e.a.short_().jmp(done);
    if (d.is_signed) {
        e.a.bind(by_minus_one);
        emit_by_minus_one(e, d);
        e.a.short_().jmp(done);
    }
    e.a.bind(by_zero);
    emit_by_zero(e, d);
    e.a.bind(done);
}

}  // namespace weir::jit
