#pragma once
// The kernel selftests' programs for the verifier (progs/verifier_*.c) of the types that we have,
// and what their BTF declaration tags say must become of them in a loader with every capability.

#include <cstdint>
#include <string>
#include <vector>

#include "vm/base/result.h"

namespace weir::tests {

struct Selftest {
    std::string file;  ///< "verifier_and"
    std::string object;
    std::string program;
    bool succeeds = false;
    uint32_t flags = 0;  ///< prog_flags, as the tests ask for
    /// Programs that must be loaded with it: they stand in the object's prog arrays.
    std::vector<std::string> companions;

    std::string name() const { return file + " " + program; }
};

/// Every such program, in order. Compiles them first where they are not yet. kResource where the
/// machine lacks something, with a message that begins with it.
Result<std::vector<Selftest>> kernel_selftests();

}  // namespace weir::tests
