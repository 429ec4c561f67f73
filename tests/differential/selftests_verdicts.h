#pragma once
// What our verifier and the live kernel's say of the kernel selftests' programs.

#include <map>
#include <span>
#include <string>

#include "tests/differential/selftests_programs.h"

namespace weir::tests {

struct SelftestVerdict {
    bool accepted = false;
    std::string reason;  ///< where not accepted, one line
};

/// Ours, by name(). The selftests mark code that must be reachable with a division by the constant
/// 0, which their kernel refuses where it gets there. To us that is arithmetic as any other (its
/// result is 0), so that the mark becomes one that we refuse as well: a write to r10.
std::map<std::string, SelftestVerdict> our_verdicts(std::span<const Selftest> tests);

enum class Loader { kRoot, kWithoutPerfmon };

Result<SelftestVerdict> kernel_verdict_of(const Selftest& test, Loader loader);

}  // namespace weir::tests
