#include "controlplane/config/units.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace weir::controlplane {
namespace {

constexpr uint32_t kCpuNumberMax =
    4095;  ///< Linux's NR_CPUS on x86-64 distributions is 8192 at most; DPDK's far less

struct Unit {
    std::string_view name;
    uint64_t factor;
};

/// Digits at the front of `text`, which they are cut off from.
bool take_digits(std::string_view& text, uint64_t& number) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end == text.data()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

template <size_t N>
Result<uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                                 const std::string& expected) {
    uint64_t number = 0;
    if (!take_digits(text, number)) return fail(ErrorKind::kInvalid, expected);
    for (const Unit& unit : units) {
        if (unit.name != text) continue;
        uint64_t product = 0;
        if (__builtin_mul_overflow(number, unit.factor, &product))
            return fail(ErrorKind::kInvalid, "a number below 2^64");
        return product;
    }
    return fail(ErrorKind::kInvalid, expected);
}

}  // namespace

Result<uint64_t> parse_number(std::string_view text) {
    uint64_t number = 0;
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    const std::string_view digits = hex ? text.substr(2) : text;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
    if (problem != std::errc() || digits.empty() || end != digits.data() + digits.size())
        return fail(ErrorKind::kInvalid, "a whole number");
    return number;
}

Result<uint64_t> parse_size_bytes(std::string_view text) {
    constexpr std::array<Unit, 9> kUnits = {{{"", 1},
                                             {"B", 1},
                                             {"kB", 1'000},
                                             {"MB", 1'000'000},
                                             {"GB", 1'000'000'000},
                                             {"KiB", 1u << 10},
                                             {"MiB", 1u << 20},
                                             {"GiB", 1u << 30},
                                             {"TiB", 1ull << 40}}};
    return parse_with_unit(text, kUnits, "a size like 512MiB");
}

Result<uint64_t> parse_duration_ns(std::string_view text) {
    constexpr std::array<Unit, 6> kUnits = {{{"ns", 1},
                                             {"us", 1'000},
                                             {"ms", 1'000'000},
                                             {"s", 1'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"h", 3'600'000'000'000}}};
    return parse_with_unit(text, kUnits, "a duration like 5s or 250ms");
}

Result<uint32_t> parse_percent(std::string_view text) {
    uint64_t number = 0;
    if (!take_digits(text, number) || text != "%" || number > 100)
        return fail(ErrorKind::kInvalid, "a share like 20%");
    return static_cast<uint32_t>(number);
}

Result<std::vector<uint32_t>> parse_core_list(std::string_view text, uint32_t workers_max) {
    const auto expected = [] {
        return fail(ErrorKind::kInvalid, "a core list like \"2,3\" or \"2-5\"");
    };
    std::set<uint32_t> cores;
    std::string_view rest = text;
    for (;;) {
        uint64_t first = 0;
        if (!take_digits(rest, first)) return expected();
        uint64_t last = first;
        if (rest.starts_with('-')) {
            rest.remove_prefix(1);
            if (!take_digits(rest, last) || last < first) return expected();
        }
        if (last > kCpuNumberMax)
            return fail(ErrorKind::kInvalid,
                        fmt::format("core numbers of at most {}", kCpuNumberMax));
        for (uint64_t core = first; core <= last; ++core)
            if (!cores.insert(static_cast<uint32_t>(core)).second)
                return fail(ErrorKind::kInvalid,
                            fmt::format("each core once ({} is listed twice)", core));
        if (cores.size() > workers_max)
            return fail(ErrorKind::kInvalid, fmt::format("at most {} cores", workers_max));
        if (rest.empty()) break;
        if (!rest.starts_with(',')) return expected();
        rest.remove_prefix(1);
    }
    return std::vector<uint32_t>(cores.begin(), cores.end());
}

}  // namespace weir::controlplane
