#include "vm/elf/number.h"

#include <charconv>

namespace weir::vm::elf {

std::optional<Number> parse_number(std::string_view text) {
    Number number;
    number.negative = text.starts_with('-');
    if (number.negative) text.remove_prefix(1);
    number.is_hex = text.starts_with("0x") || text.starts_with("0X");
    if (number.is_hex) text.remove_prefix(2);
    const int base = number.is_hex ? 16 : text.starts_with('0') ? 8 : 10;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, number.magnitude, base);
    if (error != std::errc{} || after != end) return std::nullopt;
    return number;
}

}  // namespace weir::vm::elf
