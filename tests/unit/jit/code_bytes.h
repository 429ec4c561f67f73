#pragma once
// What an unproven program begins with in machine code.

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "jit/unverified.h"
#include "tests/unit/jit/engines.h"

namespace weir::tests {

/// The first bytes, as many as `wanted` has, in its form: "48 8d 47 0e c3".
inline std::string code_like(const InsnWriter& program, const std::string& wanted) {
    const auto compiled = jit::TESTING_ONLY_compile_unverified(program.insns(), test_helpers());
    EXPECT_TRUE(compiled.has_value());
    if (!compiled) return {};
    const size_t bytes = std::min((wanted.size() + 1) / 3, compiled->code().size());
    std::string text;
    for (size_t i = 0; i < bytes; ++i)
        text += fmt::format("{}{:02x}", i == 0 ? "" : " ", compiled->code()[i]);
    return text;
}

}  // namespace weir::tests
