// bpf_strncmp, bpf_strtol, bpf_strtoul: kernel/bpf/helpers.c, with _parse_integer of lib/kstrtox.c.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

constexpr uint64_t kBaseMask = 0x1f;   ///< BPF_STRTOX_BASE_MASK
constexpr size_t kDigitBytesMax = 63;  ///< of a number's text, what stands behind is not seen
constexpr unsigned char kNoBreakSpace = 0xa0;  ///< white space for the kernel (lib/ctype.c)

/// -1, 0 or 1; ends at a zero byte or after `bytes`.
uint64_t string_compare(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t, uint64_t, RunEnv&) {
    const auto* left = reinterpret_cast<const unsigned char*>(r1);
    const auto* right = reinterpret_cast<const unsigned char*>(r3);
    const auto bytes = static_cast<uint32_t>(r2);
    for (uint32_t i = 0; i < bytes; ++i) {
        if (left[i] != right[i]) return left[i] < right[i] ? error_value(-1) : 1;
        if (left[i] == 0) break;
    }
    return 0;
}

bool is_space(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == kNoBreakSpace;
}

std::optional<unsigned> digit_of(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    const char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
    return std::nullopt;
}

char at(std::string_view text, size_t i) {
    return i < text.size() ? text[i] : '\0';
}

/// A number without its sign.
struct Digits {
    int error = 0;
    size_t bytes = 0;  ///< of text, "0x" included
    uint64_t value = 0;
};

Digits read_digits(std::string_view text, uint64_t base) {
    const bool has_prefix = at(text, 0) == '0' && (at(text, 1) | 0x20) == 'x';
    if (base == 0 && at(text, 0) == '0')
        base = has_prefix && digit_of(at(text, 2)) ? 16 : 8;
    else if (base == 0)
        base = 10;
    Digits out;
    const size_t start = base == 16 && has_prefix ? 2 : 0;
    bool overflows = false;
    for (out.bytes = start; out.bytes < text.size(); ++out.bytes) {
        const std::optional<unsigned> digit = digit_of(text[out.bytes]);
        if (!digit || *digit >= base) break;
        overflows |= out.value > (UINT64_MAX - *digit) / base;
        out.value = out.value * base + *digit;
    }
    if (overflows)
        out.error = -ERANGE;
    else if (out.bytes == start)
        out.error = -EINVAL;
    return out;
}

struct Number {
    int64_t consumed = 0;  ///< bytes of text, or a negative errno
    uint64_t magnitude = 0;
    bool is_negative = false;
};

Number read_number(std::string_view text, uint64_t flags) {
    const uint64_t base = flags & kBaseMask;
    const bool known_base = base == 0 || base == 8 || base == 10 || base == 16;
    if (text.empty() || !known_base || (flags & ~kBaseMask) != 0) return {.consumed = -EINVAL};
    size_t i = 0;
    while (i < text.size() && is_space(text[i])) ++i;
    Number number;
    number.is_negative = at(text, i) == '-';
    if (number.is_negative) ++i;
    if (i == text.size()) return {.consumed = -EINVAL};
    const Digits digits = read_digits(text.substr(i, kDigitBytesMax), base);
    number.magnitude = digits.value;
    number.consumed = digits.error != 0 ? digits.error : static_cast<int64_t>(i + digits.bytes);
    return number;
}

std::string_view text_of(uint64_t address, uint64_t bytes) {
    return {reinterpret_cast<const char*>(address), static_cast<size_t>(bytes)};
}
void store(uint64_t address, uint64_t value) {
    std::memcpy(reinterpret_cast<void*>(address), &value, sizeof value);
}

uint64_t strtol(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t, RunEnv&) {
    store(r4, 0);
    const Number number = read_number(text_of(r1, r2), r3);
    if (number.consumed < 0) return static_cast<uint64_t>(number.consumed);
    constexpr uint64_t kMost = INT64_MAX;
    if (number.magnitude > (number.is_negative ? kMost + 1 : kMost)) return error_value(-ERANGE);
    store(r4, number.is_negative ? 0 - number.magnitude : number.magnitude);
    return static_cast<uint64_t>(number.consumed);
}

uint64_t strtoul(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t, RunEnv&) {
    store(r4, 0);
    const Number number = read_number(text_of(r1, r2), r3);
    if (number.consumed < 0) return static_cast<uint64_t>(number.consumed);
    if (number.is_negative) return error_value(-EINVAL);
    store(r4, number.magnitude);
    return static_cast<uint64_t>(number.consumed);
}

}  // namespace

void add_string_helpers(HelperTable& table) {
    set(table, HelperId::strncmp, string_compare);
    set(table, HelperId::strtol, strtol);
    set(table, HelperId::strtoul, strtoul);
}

}  // namespace weir::vm
