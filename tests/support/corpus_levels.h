#pragma once
// A test of the corpus for each compiler and level of the instruction set.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

namespace weir::tests {

/// As in the names of the corpus' objects.
inline const auto kCorpusLevels =
    std::to_array<std::string>({"clang-14.v1", "clang-14.v2", "clang-14.v3", "clang-19.v1",
                                "clang-19.v2", "clang-19.v3", "clang-19.v4"});

/// For INSTANTIATE_TEST_SUITE_P, whose names take letters, digits and underscores only.
inline std::string level_name(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
    return name;
}

/// What only some levels can express makes their counts differ: atomics need v3, signed division
/// and its like v4.
struct LevelCounts {
    size_t v1_and_v2, v3, v4;

    size_t of(const std::string& level) const {
        return level.ends_with("v4") ? v4 : level.ends_with("v3") ? v3 : v1_and_v2;
    }
};

}  // namespace weir::tests
