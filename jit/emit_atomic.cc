// Atomic instructions (RFC 9669, section 5.3). x86 orders loads with loads and stores with stores
// by itself, so load-acquire and store-release are plain moves; everything else carries a lock
// prefix, which is a full barrier.

#include "jit/emission.h"
#include "jit/insn_class.h"

namespace weir::jit {
namespace {

namespace x86 = asmjit::x86;

struct AtomicOperands {
    x86::Mem memory;
    Gp src;
    uint32_t bits;
};

/// x86 has no fetching or, and, xor: loops of compare-and-exchange, which needs rax (r0).
void emit_fetch_loop(Emission& e, const vm::DecodedInsn& insn, asmjit::InstId operation,
                     const AtomicOperands& o) {
    const Gp ax = sized(x86::rax, o.bits), next = sized(scratch_c(), o.bits);
    const bool src_in_ax = insn.src == 0;
    Gp operand = o.src;
    x86::Mem memory = o.memory;
    if (insn.dst == 0) {
        e.a.mov(scratch_b(), x86::rax);
        memory.setBase(scratch_b());
    }
    e.a.mov(scratch_a(), x86::rax);  // kept: the operand, or what must come back
    if (src_in_ax) operand = sized(scratch_a(), o.bits);
    const asmjit::Label again = e.a.newLabel();
    e.a.mov(ax, memory);
    e.a.bind(again);
    e.a.mov(next, ax);
    e.a.emit(operation, next, operand);
    e.a.lock().cmpxchg(memory, next, ax);
    e.a.jnz(again);
    if (src_in_ax) return;  // rax holds the old value, and that is where it belongs
    e.a.mov(o.src, ax);
    e.a.mov(x86::rax, scratch_a());
}

/// In its 32-bit form, a successful cmpxchg leaves the upper half of rax as it was; eBPF wants
/// zero.
void emit_cmpxchg(Emission& e, const AtomicOperands& o) {
    e.a.lock().cmpxchg(o.memory, o.src, sized(x86::rax, o.bits));
    if (o.bits == 32) e.a.mov(x86::eax, x86::eax);
}

void emit_load_acquire(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const Gp dst = reg64(insn.dst);
    const x86::Mem source = x86::ptr(reg64(insn.src), insn.off, bits / 8);
    if (bits < 32)
        e.a.movzx(dst.r32(), source);
    else
        e.a.mov(sized(dst, bits), source);
}

}  // namespace

void emit_atomic(Emission& e, const vm::DecodedInsn& insn) {
    const uint32_t bits = vm::op_info(insn.op).bits;
    const AtomicOperands o{x86::ptr(reg64(insn.dst), insn.off, bits / 8),
                           sized(reg64(insn.src), bits), bits};
    switch (atomic_code(insn.op)) {
        case AtomicCode::Add: e.a.lock().add(o.memory, o.src); return;
        case AtomicCode::Or: e.a.lock().or_(o.memory, o.src); return;
        case AtomicCode::And: e.a.lock().and_(o.memory, o.src); return;
        case AtomicCode::Xor: e.a.lock().xor_(o.memory, o.src); return;
        case AtomicCode::FetchAdd: e.a.lock().xadd(o.memory, o.src); return;
        case AtomicCode::FetchOr: return emit_fetch_loop(e, insn, x86::Inst::kIdOr, o);
        case AtomicCode::FetchAnd: return emit_fetch_loop(e, insn, x86::Inst::kIdAnd, o);
        case AtomicCode::FetchXor: return emit_fetch_loop(e, insn, x86::Inst::kIdXor, o);
        case AtomicCode::Xchg: e.a.xchg(o.memory, o.src); return;
        case AtomicCode::Cmpxchg: return emit_cmpxchg(e, o);
        case AtomicCode::LoadAcquire: return emit_load_acquire(e, insn);
        case AtomicCode::StoreRelease: e.a.mov(o.memory, o.src); return;
    }
}

}  // namespace weir::jit
