#include "vm/base/printable.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weir {

namespace {

struct Character {
    size_t bytes = 1;
    bool is_plain = false;
};

bool moves_cursor(uint32_t code) {
    const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool separates = code == 0x2028 || code == 0x2029;
    const bool turns = code == 0x061c || code == 0x200e || code == 0x200f ||
                       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return is_control || separates || turns;
}

/// The character that `text` begins with (RFC 3629, section 4).
Character first_of(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return {1, !moves_cursor(lead)};
    const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
    uint32_t code = lead & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3fu);
    }
    const bool is_too_long = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (is_too_long || is_surrogate || code > 0x10ffff) return {};
    return {bytes, !moves_cursor(code)};
}

}  // namespace

std::string printable(std::string_view text) {
    std::string fit(text);
    for (size_t at = 0; at < fit.size();) {
        const Character character = first_of(text.substr(at));
        if (!character.is_plain)
            std::fill_n(fit.begin() + static_cast<ptrdiff_t>(at), character.bytes, '?');
        at += character.bytes;
    }
    return fit;
}

}  // namespace weir
