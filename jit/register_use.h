#pragma once
// Which eBPF registers an instruction reads and writes, as sets.

#include <cstdint>

#include "vm/isa/insn.h"

namespace weir::jit {

/// Bit i stands for eBPF's ri.
using RegisterSet = uint16_t;

constexpr RegisterSet set_of(uint8_t bpf_register) {
    return static_cast<RegisterSet>(1u << bpf_register);
}
constexpr RegisterSet kArgumentRegisters = 0x3e;  ///< r1..r5

constexpr uint8_t kNoRegister = 0xff;

struct RegisterUse {
    RegisterSet reads = 0;
    /// Afterwards they hold something else, or nothing: r1..r5 after a call.
    RegisterSet writes = 0;
};

/// `proven`: helper ids mean what helpers.def says, so that a call reads as many arguments as its
/// row has; else it reads all five.
RegisterUse register_use(const vm::DecodedInsn& insn, bool proven);

/// It does nothing but compute a register's new value from registers and constants, or from memory:
/// where nobody reads that register, it need not be done.
bool only_computes(vm::Op op);
bool only_loads(vm::Op op);

/// The register that an instruction names as its result, kNoRegister if it names none: r0 after
/// calls, legacy loads and cmpxchg is not named.
uint8_t written_register(const vm::DecodedInsn& insn);

}  // namespace weir::jit
