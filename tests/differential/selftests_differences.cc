#include "tests/differential/selftests_differences.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

namespace weir::tests {
namespace {

constexpr std::array<std::pair<std::string_view, DifferenceClass>, 5> kClasses = {{
    {"kernel imprecision", DifferenceClass::kKernelImprecision},
    {"kernel policy", DifferenceClass::kKernelPolicy},
    {"root only", DifferenceClass::kRootOnly},
    {"not offered", DifferenceClass::kNotOffered},
    {"our imprecision", DifferenceClass::kOurImprecision},
}};

std::string_view word_of(bool accepted) {
    return accepted ? "accept" : "reject";
}

/// Of "== CLASS: explanation".
std::optional<DifferenceClass> class_of(std::string_view heading) {
    for (const auto& [name, value] : kClasses)
        if (heading.starts_with(fmt::format("== {}: ", name))) return value;
    return std::nullopt;
}

std::optional<bool> verdict_of(const std::string& word) {
    if (word == word_of(true)) return true;
    if (word == word_of(false)) return false;
    return std::nullopt;
}

/// Adds "FILE PROGRAM ours expected kernel"; false where it is none.
bool add_entry(const std::string& line, DifferenceClass why, DifferenceList& list) {
    std::istringstream words(line);
    std::string file, program, rest;
    std::array<std::string, 3> verdicts;
    words >> file >> program >> verdicts[0] >> verdicts[1] >> verdicts[2];
    if (words.fail() || words >> rest) return false;
    const auto ours = verdict_of(verdicts[0]), expected = verdict_of(verdicts[1]);
    const auto kernel = verdict_of(verdicts[2]);
    if (!ours || !expected || !kernel) return false;
    const Difference entry{why, *ours, *expected, *kernel};
    return list.entries.emplace(file + " " + program, entry).second;
}

}  // namespace

Result<DifferenceList> read_differences(const std::string& path) {
    constexpr std::string_view kKernel = "kernel ";
    std::ifstream stream(path);
    DifferenceList list;
    std::optional<DifferenceClass> why;
    size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (line.empty() || line.starts_with('#')) continue;
        bool good = true;
        if (line.starts_with("== ")) {
            why = class_of(line);
            good = why.has_value();
        } else if (list.kernel.empty() && line.starts_with(kKernel)) {
            list.kernel = line.substr(kKernel.size());
        } else {
            good = why && add_entry(line, *why, list);
        }
        if (!good)
            return fail(
                ErrorKind::kInvalid,
                fmt::format("{}:{}: no heading of a known class, no entry, or listed twice: {}",
                            path, number, line));
    }
    if (list.kernel.empty()) return fail(ErrorKind::kInvalid, path + ": names no kernel");
    return list;
}

std::string to_line(const std::string& name, const Difference& difference) {
    return fmt::format("{} {} {} {}", name, word_of(difference.ours), word_of(difference.expected),
                       word_of(difference.kernel));
}

}  // namespace weir::tests
