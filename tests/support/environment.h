#pragma once
// Numbers that make a long run of a test: WEIR_SEED=7 and the like.

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace weir::tests {

/// The decimal number in the variable `name`, or `otherwise` where there is no such variable. What
/// is no number, or below `least`, ends the process: a run of nothing must not pass for a run.
inline uint64_t number_from_environment(const char* name, uint64_t otherwise, uint64_t least = 1) {
    const char* const value = std::getenv(name);
    if (value == nullptr) return otherwise;
    const std::string_view text = value;
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size() && number >= least) return number;
    fmt::print(stderr, "{}={}: expected a decimal number of at least {}\n", name, text, least);
    std::exit(EXIT_FAILURE);
}

/// WEIR_SEED, else 1.
inline uint64_t first_seed() {
    return number_from_environment("WEIR_SEED", 1, 0);
}

}  // namespace weir::tests
