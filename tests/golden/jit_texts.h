#pragma once
// Programs for jit_golden_test.cc.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/program/spec.h"

namespace weir::tests {

/// Instructions in front of an `exit`, unproven.
std::span<const std::string_view> operand_texts();

/// Which part of the code.
enum class Shows { Single, Burst, Overlap };

/// A whole XDP program.
struct ProvenText {
    std::string name;
    Shows shows = Shows::Single;
    std::vector<vm::MapSpec> maps;
    std::string text;
};
std::vector<ProvenText> proven_texts();

}  // namespace weir::tests
