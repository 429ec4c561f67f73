#pragma once
// A program behind an entry of a devmap or cpumap, as a worker needs it: what the map holds is the
// Runnable, of this kind and no other.

#include <cstdint>

#include "jit/jit.h"

namespace weir::dataplane {

struct BoundProgram final : vm::Runnable {
    /// `its_program` outlives this.
    BoundProgram(const jit::CompiledProgram& its_program, uint32_t its_slot)
        : program(its_program), slot(its_slot) {}

    uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                  vm::RunEnv& env) const override {
        return program.runnable()->call(function, arguments, env);
    }

    const jit::CompiledProgram& program;
    uint32_t slot;  ///< as ChainEntry has it
};

}  // namespace weir::dataplane
