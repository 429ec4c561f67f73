#include "controlplane/cli/element_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "controlplane/config/document.h"
#include "controlplane/config/prefix.h"
#include "controlplane/config/units.h"
#include "controlplane/deploy/sha256.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kElementFileBytesMax = 256u << 20;

bool fits(uint64_t number, uint32_t bytes) {
    return bytes >= 8 || (number >> (8 * bytes)) == 0;
}

/// "-1" and the like: two's complement of the map's size.
Result<Bytes> parse_integer(std::string_view text, uint32_t bytes, const std::string& expected) {
    const bool negative = text.starts_with('-');
    const Result<uint64_t> number = parse_number(negative ? text.substr(1) : text);
    if (!number || text.starts_with("0x") || text.starts_with("0X"))
        return fail(ErrorKind::kInvalid, expected);
    if (!fits(*number, bytes))
        return fail(ErrorKind::kInvalid, fmt::format("a number that fits in {} bytes", bytes));
    const uint64_t value = negative ? ~*number + 1 : *number;
    Bytes raw(bytes, negative && *number != 0 ? 0xff : 0);
    std::memcpy(raw.data(), &value, std::min<size_t>(bytes, sizeof value));
    return raw;
}

Result<Bytes> parse_address(std::string_view text, const vm::MapSpec& map) {
    const bool with_length = map.key_bytes == 8 || map.key_bytes == 20;
    const bool is_ipv6_size = map.key_bytes == 16 || map.key_bytes == 20;
    const Result<Prefix> prefix = parse_prefix_loosely(text);
    if (!prefix) return std::unexpected(prefix.error());
    if (prefix->is_ipv6 != is_ipv6_size)
        return fail(ErrorKind::kInvalid,
                    fmt::format("an {} address", is_ipv6_size ? "IPv6" : "IPv4"));
    if (with_length) return lpm_key(*prefix);
    if (prefix->length_bits != prefix->address_bytes() * 8)
        return fail(ErrorKind::kInvalid, "an address without a prefix length");
    return Bytes(prefix->address.begin(), prefix->address.begin() + prefix->address_bytes());
}

Result<void> refuse_word(const char* what, std::string_view word, const std::string& expected) {
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: value '{}', expected {}", what, word.substr(0, 80), expected));
}

bool takes_address(uint32_t key_bytes) {
    return key_bytes == 4 || key_bytes == 8 || key_bytes == 16 || key_bytes == 20;
}

/// Of a user ring buffer: samples have any size.
Result<Bytes> parse_sample(std::string_view text) {
    Bytes raw;
    if (text.starts_with("0x") && from_hex(text.substr(2), raw)) return raw;
    return fail(ErrorKind::kInvalid, "a sample as hex after 0x");
}

}  // namespace

Result<Bytes> parse_key(std::string_view text, const vm::MapSpec& map) {
    if (map.key_bytes == 0) {
        if (text == "-") return Bytes();
        return fail(ErrorKind::kInvalid, "'-': this map has no keys");
    }
    const bool addressable = takes_address(map.key_bytes);
    const std::string expected =
        fmt::format("{}a decimal integer or hex after 0x, of {} bytes",
                    addressable ? "an address, a prefix, " : "", map.key_bytes);
    if (text.starts_with("0x") || text.starts_with("0X")) {
        Bytes raw;
        if (!from_hex(text.substr(2), raw) || raw.size() != map.key_bytes)
            return fail(ErrorKind::kInvalid, expected);
        return raw;
    }
    if (text.find_first_of(".:/") == std::string_view::npos)
        return parse_integer(text, map.key_bytes, expected);
    if (!addressable) return fail(ErrorKind::kInvalid, expected);
    return parse_address(text, map);
}

Result<Bytes> parse_value(std::string_view text, const vm::MapSpec& map) {
    if (map.type == vm::MapType::UserRingbuf) return parse_sample(text);
    const std::string expected =
        fmt::format("a decimal integer or hex after 0x, of {} bytes", map.value_bytes);
    if (!text.starts_with("0x") && !text.starts_with("0X"))
        return parse_integer(text, map.value_bytes, expected);
    Bytes raw;
    const size_t slot_bytes = (static_cast<size_t>(map.value_bytes) + 7) / 8 * 8;
    if (!from_hex(text.substr(2), raw)) return fail(ErrorKind::kInvalid, expected);
    const bool all_slots = vm::is_percpu(map.type) && !raw.empty() && raw.size() % slot_bytes == 0;
    if (raw.size() != map.value_bytes && !all_slots) return fail(ErrorKind::kInvalid, expected);
    return raw;
}

namespace {

using LineVisitor = std::function<Result<void>(std::string_view key, std::string_view value)>;

/// Calls the visitor with the two words of each line that has any; puts "FILE:LINE: " in front of
/// its errors.
Result<void> for_each_line(const std::string& path, const LineVisitor& visit) {
    const Result<std::string> text = read_file(path, kElementFileBytesMax);
    if (!text) return std::unexpected(text.error());
    std::string_view rest = *text;
    for (uint32_t number = 1; !rest.empty(); ++number) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        constexpr std::string_view kBlanks = " \t\r";
        const size_t first = line.find_first_not_of(kBlanks);
        if (first == std::string_view::npos || line[first] == '#') continue;
        line = line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
        const size_t key_end = line.find_first_of(kBlanks);
        const size_t value_begin =
            key_end == std::string_view::npos ? key_end : line.find_first_not_of(kBlanks, key_end);
        const Result<void> visited = value_begin == std::string_view::npos
                                         ? refuse_word("line", line, "KEY VALUE")
                                         : visit(line.substr(0, key_end), line.substr(value_begin));
        if (!visited) return fail_in(fmt::format("{}:{}", path, number), visited.error());
    }
    return {};
}

}  // namespace

Result<std::vector<ParsedElement>> read_elements(const std::string& path, const vm::MapSpec& map) {
    std::vector<ParsedElement> elements;
    const Result<void> read = for_each_line(
        path, [&](std::string_view key_word, std::string_view value_word) -> Result<void> {
            Result<Bytes> key = parse_key(key_word, map);
            if (!key) return refuse_word("key", key_word, key.error().message);
            Result<Bytes> value = parse_value(value_word, map);
            if (!value) return refuse_word("value", value_word, value.error().message);
            elements.push_back({std::move(*key), std::move(*value)});
            return {};
        });
    if (!read) return std::unexpected(read.error());
    return elements;
}

Result<std::vector<ParsedBinding>> read_bindings(const std::string& path, const vm::MapSpec& map) {
    std::vector<ParsedBinding> bindings;
    const Result<void> read =
        for_each_line(path, [&](std::string_view key_word, std::string_view name) -> Result<void> {
            Result<Bytes> key = parse_key(key_word, map);
            if (!key) return refuse_word("key", key_word, key.error().message);
            bindings.push_back({std::move(*key), std::string(name)});
            return {};
        });
    if (!read) return std::unexpected(read.error());
    return bindings;
}

}  // namespace weir::controlplane::cli
