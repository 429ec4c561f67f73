// Files have millions of words: nothing is allocated for a word that is an address, a number or
// hex.
#include "controlplane/cli/element_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "controlplane/api/map_elements.h"
#include "controlplane/config/prefix.h"
#include "controlplane/telemetry/network_text.h"
#include "controlplane/telemetry/stats_json.h"
#include "controlplane/telemetry/type_bytes.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;
using Out = std::span<uint8_t>;

constexpr size_t kShownBytesMax = 80;  ///< of a word in a message

std::unexpected<Error> refuse_word(const char* what, std::string_view word,
                                   const std::string& expected) {
    return fail(ErrorKind::kInvalid, fmt::format("{}: value '{}', expected {}", what,
                                                 word.substr(0, kShownBytesMax), expected));
}

bool has_hex_mark(std::string_view text) {
    return text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

bool is_json(std::string_view text) {
    return !text.empty() && (text[0] == '{' || text[0] == '[' || text[0] == '"');
}

/// True if it is digits alone, perhaps with a sign.
bool is_decimal(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The digits that fill `out`, two a byte.
bool take_hex(std::string_view digits, Out out) {
    if (digits.size() != out.size() * 2) return false;
    for (size_t i = 0; i < out.size(); ++i) {
        const char* begin = digits.data() + 2 * i;
        const auto [end, problem] = std::from_chars(begin, begin + 2, out[i], 16);
        if (problem != std::errc() || end != begin + 2) return false;
    }
    return true;
}

/// A decimal integer in host order; "-1" and the like in two's complement of the size. False if it
/// does not fit.
bool take_decimal(std::string_view text, Out out) {
    const bool negative = text.starts_with('-');
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + (negative ? 1 : 0), end, number);
    if (problem != std::errc() || stop != end) return false;
    const size_t bits = out.size() * 8;
    if (bits < 64 && number > (negative ? uint64_t{1} << (bits - 1) : (uint64_t{1} << bits) - 1))
        return false;
    if (negative && bits >= 64 && number > uint64_t{1} << 63) return false;
    const uint64_t value = negative ? ~number + 1 : number;
    std::memset(out.data(), negative && number != 0 ? 0xff : 0, out.size());
    std::memcpy(out.data(), &value, std::min<size_t>(out.size(), sizeof value));
    return true;
}

/// By size, and where a prefix length stands in front, by what the type does not say against it.
bool takes_address(const vm::MapSpec& spec) {
    if (spec.key_bytes == 4 || spec.key_bytes == 16) return true;
    if (spec.key_bytes != 8 && spec.key_bytes != 20) return false;
    return spec.type == vm::MapType::LpmTrie || spec.key_type == nullptr ||
           spec.key_type->members.size() == 2;
}

/// Nothing of the text and the size agrees: the message is for people.
std::string expected_address(size_t bytes) {
    const bool is_ipv6 = bytes == 16 || bytes == 20;
    return fmt::format("an {} {}", is_ipv6 ? "IPv6" : "IPv4",
                       bytes == 8 || bytes == 20 ? "address or prefix" : "address");
}

Result<void> take_address(std::string_view text, Out out) {
    const bool is_ipv6 = out.size() == 16 || out.size() == 20;
    const bool with_length = out.size() == 8 || out.size() == 20;
    const Result<Prefix> prefix = parse_prefix_loosely(text);
    if (!prefix) return refuse_word("key", text, prefix.error().message);
    if (prefix->is_ipv6 != is_ipv6) return refuse_word("key", text, expected_address(out.size()));
    if (!with_length && prefix->length_bits != prefix->address_bytes() * 8)
        return refuse_word("key", text, "an address without a prefix length");
    const uint32_t length = prefix->length_bits;
    if (with_length) std::memcpy(out.data(), &length, sizeof length);
    std::copy_n(prefix->address.begin(), prefix->address_bytes(),
                out.begin() + (with_length ? 4 : 0));
    return {};
}

/// A document of JSON, or the word as a text.
Result<Json> json_word(const char* what, std::string_view text) {
    if (!is_json(text)) return Json(std::string(text));
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        return refuse_word(what, text,
                           fmt::format("JSON, it is wrong from byte {} on", error.byte));
    }
}

std::string expected_word(size_t bytes, bool addressable) {
    return fmt::format("{}a decimal integer or hex after 0x, of {} bytes",
                       addressable ? "an address, a prefix, " : "", bytes);
}

/// By the type, which may be none.
Result<void> take_typed(const char* what, std::string_view text, const vm::TypeRef& type, Out out,
                        const std::string& otherwise) {
    if (type == nullptr && !is_json(text)) return refuse_word(what, text, otherwise);
    const Result<Json> json = json_word(what, text);
    if (!json) return std::unexpected(json.error());
    std::ranges::fill(out, 0);
    return from_json(type, *json, out, what);
}

Result<void> take_key(std::string_view text, const vm::MapSpec& spec, Out key) {
    if (spec.key_bytes == 0) {
        if (text == "-") return {};
        return refuse_word("key", text, "'-': this map has no keys");
    }
    const bool addressable = takes_address(spec);
    if (has_hex_mark(text)) {
        if (take_hex(text.substr(2), key)) return {};
        return refuse_word("key", text, expected_word(key.size(), addressable));
    }
    if (is_decimal(text)) {
        if (take_decimal(text, key)) return {};
        return refuse_word("key", text, fmt::format("a number that fits in {} bytes", key.size()));
    }
    const bool looks_like_address =
        std::ranges::any_of(text, [](char c) { return c == '.' || c == ':'; });
    if (addressable && looks_like_address && !is_json(text)) return take_address(text, key);
    if (addressable && text.size() > 2 && text[0] == '"' && looks_like_address)
        return take_address(text.substr(1, text.size() - 2), key);
    return take_typed("key", text, spec.key_type, key, expected_word(key.size(), addressable));
}

Result<void> take_slot(std::string_view text, const vm::MapSpec& spec, Out slot) {
    if (is_decimal(text)) {
        if (take_decimal(text, slot)) return {};
        return refuse_word("value", text,
                           fmt::format("a number that fits in {} bytes", slot.size()));
    }
    if (has_hex_mark(text)) {
        if (take_hex(text.substr(2), slot)) return {};
        return refuse_word("value", text, expected_word(slot.size(), false));
    }
    return take_typed("value", text, spec.value_type, slot, expected_word(slot.size(), false));
}

size_t slot_step(const MapInfo& map) {
    return (size_t{map.spec.value_bytes} + 7) / 8 * 8;
}

/// A JSON list with a value for each slot; false if `text` is none.
Result<bool> take_list(std::string_view text, const MapInfo& map, Out value) {
    const vm::TypeRef& type = map.spec.value_type;
    if (!text.starts_with('[') || (type != nullptr && type->kind == vm::TypeKind::Array))
        return false;
    const Result<Json> list = json_word("value", text);
    if (!list) return std::unexpected(list.error());
    if (list->size() != map.cpu_slots)
        return refuse_word("value", text,
                           fmt::format("a list of {} values, one a CPU", map.cpu_slots));
    for (size_t i = 0; i < list->size(); ++i) {
        const Result<void> put =
            from_json(type, (*list)[i], value.subspan(i * slot_step(map), map.spec.value_bytes),
                      fmt::format("value[{}]", i));
        if (!put) return std::unexpected(put.error());
    }
    return true;
}

Result<void> take_slots(std::string_view text, const MapInfo& map, Out value) {
    const size_t step = slot_step(map);
    if (has_hex_mark(text) && take_hex(text.substr(2), value)) return {};
    const Result<bool> listed = take_list(text, map, value);
    if (!listed) return std::unexpected(listed.error());
    if (*listed) return {};
    const Out first = value.first(map.spec.value_bytes);
    if (const Result<void> taken = take_slot(text, map.spec, first); !taken) return taken;
    for (size_t at = step; at + first.size() <= value.size(); at += step)
        std::ranges::copy(first, value.begin() + static_cast<ptrdiff_t>(at));
    return {};
}

}  // namespace

MapInfo lone_map(const vm::MapSpec& spec) {
    MapInfo map;
    map.name = spec.name;
    map.spec = spec;
    map.cpu_slots = 1;
    return map;
}

Result<void> parse_key(std::string_view text, const MapInfo& map, std::span<uint8_t> key) {
    if (const Result<void> taken = take_key(text, map.spec, key); !taken) return taken;
    const Result<void> fits = check_key(map, key);
    if (fits) return fits;
    return fail(
        ErrorKind::kInvalid,
        fmt::format("key: value '{}': {}", text.substr(0, kShownBytesMax), fits.error().message));
}

Result<Bytes> parse_key(std::string_view text, const MapInfo& map) {
    Bytes key(map.spec.key_bytes);
    const Result<void> parsed = parse_key(text, map, key);
    if (!parsed) return std::unexpected(parsed.error());
    return key;
}

Result<void> parse_value(std::string_view text, const MapInfo& map, std::span<uint8_t> value) {
    if (vm::is_percpu(map.spec.type)) return take_slots(text, map, value);
    return take_slot(text, map.spec, value);
}

Result<Bytes> parse_value(std::string_view text, const MapInfo& map) {
    Bytes value(control_value_bytes(map));
    const Result<void> parsed = parse_value(text, map, value);
    if (!parsed) return std::unexpected(parsed.error());
    return value;
}

}  // namespace weir::controlplane::cli
