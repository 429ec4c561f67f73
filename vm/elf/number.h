#pragma once
// Numbers as people write them in section names, in a kernel's configuration and for globals.

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::vm::elf {

struct Number {
    bool negative = false;
    bool is_hex = false;
    uint64_t magnitude = 0;

    /// In two's complement, modulo 2^64.
    uint64_t wrapped() const { return negative ? ~magnitude + 1 : magnitude; }
};

/// As C writes it, and as strtoull reads it: decimal, hex after 0x, octal after 0; perhaps a minus
/// sign before it, and nothing after it. nullopt: no such number, or one of more than 64 bits.
std::optional<Number> parse_number(std::string_view text);

}  // namespace weir::vm::elf
