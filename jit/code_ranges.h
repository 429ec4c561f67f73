#pragma once
// Where the machine code of this process lies, for signal handlers: they must tell a program's
// instructions from everybody else's.

#include <cstdint>

namespace weir::jit {

/// Pieces of code at once. More are not noted: what faults in them counts as not generated.
constexpr uint32_t kCodeRangesMax = 4096;

/// Addresses [begin, end) are machine code now. Any thread.
void note_code(uint64_t begin, uint64_t end);
/// Before the code at `begin` goes away.
void forget_code(uint64_t begin);
/// Any thread, also in a signal handler: neither locks nor allocates. Of code that the caller runs,
/// or keeps alive.
bool is_machine_code(uint64_t address);

}  // namespace weir::jit
