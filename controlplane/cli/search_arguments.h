#pragma once
// What memory a call reads and writes, by its prototype and the numbers that it gets.

#include <array>
#include <cstdint>

#include "controlplane/cli/search_terms.h"
#include "vm/interp/interp.h"
#include "vm/isa/helper_info.h"

namespace weir::controlplane::cli {

using Registers = std::array<Value, vm::kRegisterCount>;

/// The prototype of what a call instruction calls, or nullptr.
const vm::HelperInfo* helper_of(const vm::DecodedInsn& insn);

/// From argument `index` (0 to 4) on; 0 where it points to nothing that the call reads or writes.
uint64_t read_bytes(const vm::HelperInfo& helper, size_t index, const Registers& registers,
                    const vm::RunStep& step);
uint64_t written_bytes(const vm::HelperInfo& helper, size_t index, const Registers& registers,
                       const vm::RunStep& step);

/// A size, of the memory of the argument before.
bool is_size(vm::ArgKind kind);

}  // namespace weir::controlplane::cli
