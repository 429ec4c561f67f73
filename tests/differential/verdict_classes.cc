#include "tests/differential/verdict_classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <utility>

namespace weir::tests {
namespace {

constexpr std::array<std::pair<std::string_view, VerdictKind>, 6> kKinds = {{
    {"kernel imprecision", VerdictKind::kKernelImprecision},
    {"kernel policy", VerdictKind::kKernelPolicy},
    {"kernel bug", VerdictKind::kKernelBug},
    {"root only", VerdictKind::kRootOnly},
    {"our imprecision", VerdictKind::kOurImprecision},
    {"our policy", VerdictKind::kOurPolicy},
}};

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_letter(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

/// Where a number ends that begins at `at`.
size_t end_of_number(std::string_view text, size_t at) {
    if (text.substr(at).starts_with("0x")) {
        at += 2;
        while (at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
        return at;
    }
    while (at < text.size() && is_digit(text[at])) ++at;
    return at;
}

bool add_group(std::string_view line, std::optional<VerdictClass>& group) {
    for (const auto& [name, kind] : kKinds) {
        const std::string start = fmt::format("== {}: ", name);
        if (!line.starts_with(start)) continue;
        group = VerdictClass{kind, std::string(line.substr(3)), false, {}};
        return true;
    }
    return false;
}

/// Who refuses what: the kernel what it does not prove or forbids, we all the rest.
bool add_entry(std::string_view line, VerdictClass entry, std::vector<VerdictClass>& classes) {
    entry.by_kernel = line.starts_with("kernel ");
    if (!entry.by_kernel && !line.starts_with("we ")) return false;
    entry.start = line.substr(line.find(' ') + 1);
    const bool is_kernels =
        entry.kind == VerdictKind::kKernelImprecision || entry.kind == VerdictKind::kKernelPolicy;
    if (entry.by_kernel && !is_kernels) return false;
    if (!entry.by_kernel && entry.kind == VerdictKind::kKernelImprecision) return false;
    classes.push_back(std::move(entry));
    return true;
}

}  // namespace

std::string without_numbers(std::string_view text) {
    std::string made;
    for (size_t at = 0; at < text.size();) {
        const bool has_sign = text[at] == '-' && at + 1 < text.size() && is_digit(text[at + 1]) &&
                              (at == 0 || !(is_letter(text[at - 1]) || is_digit(text[at - 1])));
        if (has_sign || is_digit(text[at])) {
            at = end_of_number(text, at + (has_sign ? 1 : 0));
            made.push_back('N');
        } else {
            made.push_back(text[at++]);
        }
    }
    return made;
}

const VerdictClass* VerdictClasses::find(const Disagreement& disagreement) const {
    const std::string message = without_numbers(disagreement.message);
    const auto explains = [&](const VerdictClass& each, bool root_only) {
        return each.by_kernel == disagreement.by_kernel &&
               (each.kind == VerdictKind::kRootOnly) == root_only &&
               message.starts_with(each.start);
    };
    for (const bool root_only : {true, false}) {
        if (root_only && !disagreement.root_only) continue;
        const auto found = std::ranges::find_if(
            classes, [&](const VerdictClass& each) { return explains(each, root_only); });
        if (found != classes.end()) return &*found;
    }
    return nullptr;
}

Result<VerdictClasses> read_verdict_classes(const std::string& path) {
    constexpr std::string_view kKernel = "kernel ";
    std::ifstream stream(path);
    VerdictClasses list;
    std::optional<VerdictClass> group;
    size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (line.empty() || line.starts_with('#')) continue;
        bool good = true;
        if (line.starts_with("== "))
            good = add_group(line, group);
        else if (list.kernel.empty() && line.starts_with(kKernel))
            list.kernel = line.substr(kKernel.size());
        else
            good = group && add_entry(line, *group, list.classes);
        if (!good)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}:{}: no heading of a known kind and no entry that fits it: "
                                    "{}",
                                    path, number, line));
    }
    if (list.kernel.empty()) return fail(ErrorKind::kInvalid, path + ": names no kernel");
    return list;
}

}  // namespace weir::tests
