#pragma once
// The same program with some of its branches the other way around and with room behind each: `if a
// < b goto there` becomes
//     if a >= b goto next
//     (room)
//     goto there
//   next:
//     (room)
// and a comparison for equality two for order, of which the last leaves the equal way. A verifier
// that goes ahead before it jumps, and to what is unequal before what is equal, walks the ways in
// another order, so that a way which was refused before another had been walked is now compared
// with what that one left behind; and the room makes it store a state wherever ways meet.

#include <cstdint>
#include <optional>

#include "vm/program/spec.h"

namespace weir::tests {

enum class Turn : uint8_t { None, All, Even, Odd };  ///< by their order in the program

/// Nullopt for what cannot be decoded, or has no branch.
std::optional<vm::ProgramSpec> turned_program(const vm::ProgramSpec& program, Turn turn);

}  // namespace weir::tests
