#include "jit/emit_lookup.h"

#include <bit>
#include <cstddef>

namespace weir::jit {

using asmjit::Imm;
namespace x86 = asmjit::x86;

void emit_scale(Emission& e, const Gp& reg, uint64_t factor) {
    if (!std::has_single_bit(factor))
        e.a.imul(reg, reg, Imm(factor));
    else if (factor != 1)
        e.a.shl(reg, Imm(std::countr_zero(factor)));
}

void emit_element(Emission& e, const Gp& to, const void* base, const Gp& index, uint64_t stride,
                  const Gp& scratch) {
    const auto address = reinterpret_cast<uint64_t>(base);
    if (std::has_single_bit(stride) && stride <= 8) {
        emit_constant(e, scratch, address);
        e.a.lea(to, x86::ptr(scratch, index, static_cast<uint32_t>(std::countr_zero(stride))));
        return;
    }
    if (std::has_single_bit(stride)) {
        if (to.id() != index.id()) e.a.mov(to, index);
        emit_scale(e, to, stride);
    } else {
        e.a.imul(to, index, Imm(stride));
    }
    emit_constant(e, scratch, address);
    e.a.add(to, scratch);
}

void emit_cpu_plane(Emission& e, const Gp& plane, uint32_t planes, uint64_t plane_bytes,
                    const asmjit::Label& missing) {
    e.a.mov(plane.r32(), env_field(offsetof(vm::RunEnv, cpu)));
    e.a.cmp(plane.r32(), Imm(planes));
    e.a.jae(missing);
    emit_scale(e, plane, plane_bytes);
}

void emit_exit(Emission& e, const LookupExits& exits) {
    if (!exits.is_one()) {
        e.a.test(x86::rax, x86::rax);
        e.a.jz(exits.absent);
    }
    e.a.jmp(exits.present);
}

void emit_absent(Emission& e, const asmjit::Label& here, const LookupExits& exits) {
    e.a.bind(here);
    e.a.xor_(x86::eax, x86::eax);
    e.a.jmp(exits.absent);
}

/// LookupFn(map in r1, key in r2, cpu): the third argument is r3's register, which the call
/// scratches anyway.
void emit_lookup_call(Emission& e, const DirectLookup& lookup) {
    emit_constant(e, reg64(1), reinterpret_cast<uint64_t>(lookup.map));
    if (!lookup.cpu_is_given) e.a.mov(reg64(3).r32(), env_field(offsetof(vm::RunEnv, cpu)));
    e.a.call(Imm(reinterpret_cast<uint64_t>(lookup.function)));
}

void emit_direct_call(Emission& e, const DirectLookup& lookup, const KeyPlace& key,
                      const LookupExits& exits) {
    if (key.is_on_stack()) e.a.lea(reg64(2), key.at(0, 0));
    emit_lookup_call(e, lookup);
    emit_exit(e, exits);
}

}  // namespace weir::jit
