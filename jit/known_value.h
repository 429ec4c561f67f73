#pragma once
// What a register holds, where the straight code in front of a slot says so: compilers set up the
// arguments of a call right before it.

#include <cstdint>
#include <optional>

#include "jit/emission.h"

namespace weir::jit {

/// Slots that are looked at.
constexpr size_t kLooksBackMax = 96;

/// `reg` before `slot`, as a number.
std::optional<uint64_t> known_constant(const Emission& e, size_t slot, uint8_t reg);
/// `reg` before `slot`, as an offset from r10 into the frame.
std::optional<int32_t> known_frame_offset(const Emission& e, size_t slot, uint8_t reg);

}  // namespace weir::jit
