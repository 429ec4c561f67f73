#pragma once
// The kept list of programs on which we, the selftests' expectation and the live kernel do not
// agree: why, and which of the three says what.

#include <map>
#include <string>

#include "vm/base/result.h"

namespace weir::tests {

/// What explains a difference. There is no class for an unsafe program that we accept.
enum class DifferenceClass {
    kKernelImprecision,  ///< safe, we can prove it, the kernel cannot
    kKernelPolicy,       ///< safe or not is not the question: the kernel allows or forbids it
    kRootOnly,           ///< unsafe; the kernel allows it to those who may read its memory anyway
    kNotOffered,         ///< takes a feature that we do not have
    kOurImprecision,     ///< safe, the kernel can prove it, we cannot
};

struct Difference {
    DifferenceClass why = DifferenceClass::kKernelPolicy;
    bool ours = false, expected = false, kernel = false;  ///< accepted?
};

struct DifferenceList {
    std::string kernel;                         ///< release that the list was made with: "6.18"
    std::map<std::string, Difference> entries;  ///< by Selftest::name()
};

/// "== CLASS: explanation" begins a group, "FILE PROGRAM ours expected kernel" (each accept or
/// reject) is an entry of it, "kernel RELEASE" comes first; # begins a comment.
Result<DifferenceList> read_differences(const std::string& path);

/// The entry's line.
std::string to_line(const std::string& name, const Difference& difference);

}  // namespace weir::tests
