#pragma once
// Says in a line where two runs of the same program over the same packets first differ.

#include <span>
#include <string>

#include "tests/support/kernel_runner.h"
#include "tests/support/packets.h"

namespace weir::tests {

/// Empty where they agree. For programs of the corpus the notes lie 16 bytes apart: byte 48 of .bss
/// is the fourth.
std::string first_difference(const RunResult& expected, const RunResult& actual,
                             std::span<const TestPacket> packets);

}  // namespace weir::tests
