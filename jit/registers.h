#pragma once
// Which x86-64 register holds which eBPF register.
//
//   eBPF   x86-64        why
//   ----   ------------  -----------------------------------------------------------------
//   r0     rax           result of calls on both sides
//   r1     rdi           r1..r5: arguments of calls on both sides (System V ABI), so that a helper
//   r2     rsi           call moves nothing; scratched by calls on both sides
//   r3     rdx
//   r4     rcx
//   r5     r8
//   r6     rbx           r6..r9: kept over calls on both sides
//   r7     r13
//   r8     r14
//   r9     r15
//   r10    rbp           frame pointer; the eBPF stack lies below it
//   -      r12           the RunEnv of this run, where the program needs it
//   -      r9            sixth argument of helpers (the RunEnv); scratch in between
//   -      r10, r11      scratch
//   spare  r11, r10, r9  in functions that need no scratch, names for what lay in r6..r9 (rename.h)
//   -      rsp           host stack
//
// Two of them have addressing quirks that asmjit hides: rbp and r13 as base always carry a
// displacement, r12 and rsp always a SIB byte.

#include <asmjit/x86.h>

#include <array>
#include <cstdint>

#include "vm/base/check.h"
#include "vm/isa/insn.h"

namespace weir::jit {

using Gp = asmjit::x86::Gp;

/// x86 register numbers by eBPF register.
constexpr std::array<uint32_t, 14> kHostRegister = {
    Gp::kIdAx,  Gp::kIdDi,  Gp::kIdSi,  Gp::kIdDx, Gp::kIdCx,  Gp::kIdR8,  Gp::kIdBx,
    Gp::kIdR13, Gp::kIdR14, Gp::kIdR15, Gp::kIdBp, Gp::kIdR11, Gp::kIdR10, Gp::kIdR9,
};

constexpr uint8_t kFramePointer = 10;  ///< eBPF's r10
constexpr uint8_t kSavedFirst = 6;     ///< r6..r9 survive calls
constexpr uint8_t kSavedLast = 9;
constexpr uint8_t kSpareFirst = vm::kRegisterCount;
constexpr uint8_t kNames = kHostRegister.size();  ///< of eBPF registers and spare ones

/// The host register of an eBPF register, 64 bits wide.
inline Gp reg64(uint8_t bpf_register) {
    WEIR_CHECK(bpf_register < kHostRegister.size());
    return asmjit::x86::gpq(kHostRegister[bpf_register]);
}
/// The same, `bits` (8, 16, 32, 64) wide. Writing 32 bits zeroes the upper half, as eBPF wants it.
inline Gp sized(const Gp& reg, uint32_t bits) {
    switch (bits) {
        case 8: return reg.r8();
        case 16: return reg.r16();
        case 32: return reg.r32();
        case 64: return reg.r64();
    }
    WEIR_CHECK(!"register width");
    return reg;
}

inline Gp env_register() {
    return asmjit::x86::r12;
}
inline Gp scratch_a() {
    return asmjit::x86::r9;
}
inline Gp scratch_b() {
    return asmjit::x86::r10;
}
inline Gp scratch_c() {
    return asmjit::x86::r11;
}

}  // namespace weir::jit
