#pragma once
// What the fuzz targets share that run programs: maps of most kinds, a spec out of bytes, and runs
// in the instrumented interpreter.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "maps/maps.h"
#include "vm/helpers/timers.h"
#include "vm/interp/interp.h"

namespace weir::fuzz {

constexpr uint64_t kStepsMax = 3'000;

/// Made once: the maps keep what earlier inputs left in them, as a node's do.
struct World {
    World();
    std::vector<std::unique_ptr<vm::Map>> owned;
    std::vector<vm::Map*> pointers;
    std::vector<vm::MapSpec> specs;
    vm::Timers timers;
};

/// Input: a byte of flags, a byte that says how many functions, then instructions of 8 bytes. One
/// slot stands for a common sequence where its opcode is none.
vm::ProgramSpec spec_of(const uint8_t* data, size_t size, const World& world);

/// One packet of `packet_bytes` and a fragment, the program in slot 0 of its prog array, and its
/// timers after it.
vm::CheckedResult run(const vm::CheckedProgram& program, World& world, size_t packet_bytes);

}  // namespace weir::fuzz
