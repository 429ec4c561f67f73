#include "controlplane/cli/map_filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>

#include "controlplane/config/prefix.h"
#include "controlplane/telemetry/network_text.h"
#include "controlplane/telemetry/stats_json.h"
#include "controlplane/telemetry/type_bytes.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

constexpr uint32_t kConditionsMax = 64;
constexpr uint32_t kLengthBytes = 4;  ///< in front of an lpm_trie's address

struct Operator {
    std::string_view text;
    Comparison comparison;
};
/// The longer ones first.
constexpr std::array<Operator, 8> kOperators = {{{"==", Comparison::Equal},
                                                 {"!=", Comparison::Unequal},
                                                 {"<=", Comparison::LessEqual},
                                                 {">=", Comparison::GreaterEqual},
                                                 {"<", Comparison::Less},
                                                 {">", Comparison::Greater},
                                                 {"=", Comparison::Equal},
                                                 {"in ", Comparison::In}}};

void skip_blanks(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::string_view take_path(std::string_view& text) {
    const auto is_path = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' ||
               c == '[' || c == ']';
    };
    size_t end = 0;
    while (end < text.size() && is_path(text[end])) ++end;
    const std::string_view path = text.substr(0, end);
    text.remove_prefix(end);
    skip_blanks(text);
    return path;
}

/// Up to a blank or an &, or what quotes hold.
std::string_view take_literal(std::string_view& text) {
    const bool quoted = text.starts_with('\'') || text.starts_with('"');
    const size_t end = quoted ? text.find(text[0], 1) : text.find_first_of(" \t&");
    const std::string_view literal =
        quoted && end != std::string_view::npos ? text.substr(1, end - 1) : text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + (quoted ? 1 : 0));
    skip_blanks(text);
    return literal;
}

bool take_and(std::string_view& text) {
    for (const std::string_view word : {"and ", "&&"}) {
        if (!text.starts_with(word)) continue;
        text.remove_prefix(word.size());
        skip_blanks(text);
        return true;
    }
    return false;
}

/// The bytes of a field that an address is compared with.
ByteSpan address_of(const Field& field, ByteSpan whole) {
    const ByteSpan bytes = field.of(whole);
    return field.form == FieldForm::Prefix ? bytes.subspan(kLengthBytes) : bytes;
}

Result<void> read_prefix(std::string_view literal, Condition& condition) {
    const Result<Prefix> prefix = parse_prefix_loosely(literal);
    const uint32_t bytes =
        condition.field.bytes - (condition.field.form == FieldForm::Prefix ? kLengthBytes : 0);
    if (bytes != 4 && bytes != 16)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{} has {} bytes, 'in' expects an address of 4 or 16",
                                condition.field.name, bytes));
    if (!prefix || prefix->address_bytes() != bytes)
        return fail(
            ErrorKind::kInvalid,
            fmt::format("value '{}', expected {}", literal.substr(0, 80),
                        bytes == 4 ? "a prefix like 192.0.2.0/24" : "a prefix like 2001:db8::/32"));
    condition.by_bytes = true;
    condition.bytes = address_bytes(*prefix);
    condition.prefix_bits = prefix->length_bits;
    return {};
}

/// "== 192.0.2.0/24" of a trie's key.
Result<void> read_prefix_key(std::string_view literal, Condition& condition) {
    if (condition.comparison != Comparison::Equal && condition.comparison != Comparison::Unequal)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{} is a prefix, expected ==, != or in", condition.field.name));
    if (const Result<void> read = read_prefix(literal, condition); !read) return read;
    Bytes whole(kLengthBytes);
    std::memcpy(whole.data(), &condition.prefix_bits, kLengthBytes);
    whole.insert(whole.end(), condition.bytes.begin(), condition.bytes.end());
    condition.bytes = std::move(whole);
    return {};
}

bool is_address_literal(std::string_view literal) {
    return literal.find_first_of(".:") != std::string_view::npos;
}

Result<void> read_literal(std::string_view literal, Condition& condition) {
    const Field& field = condition.field;
    if (condition.comparison == Comparison::In) return read_prefix(literal, condition);
    if (field.form == FieldForm::Prefix) return read_prefix_key(literal, condition);
    condition.bytes.assign(field.bytes, 0);
    const bool is_number = field_number(field, Bytes(field.offset_bytes + field.bytes)).has_value();
    const bool is_text = field.form == FieldForm::Text || field.form == FieldForm::Address;
    condition.by_bytes = is_text || !is_number || is_address_literal(literal);
    if (condition.by_bytes && is_address_literal(literal) && field.form != FieldForm::Text &&
        parse_address(literal, condition.bytes))
        return {};
    if (field.bit_size != 0) {
        // A bit field has the type of what it lies in; its number is compared, whatever its width.
        Bytes wide(8);
        const Result<void> read = from_json(nullptr, Json(std::string(literal)), wide, field.name);
        if (!read) return read;
        condition.number = to_number(wide);
        return {};
    }
    const Result<void> read =
        from_json(field.type, Json(std::string(literal)), condition.bytes, field.name);
    if (!read) return read;
    if (condition.by_bytes) return {};
    Field alone = field;
    alone.offset_bytes = 0;
    condition.number = field_number(alone, condition.bytes).value_or(0);
    return {};
}

Result<Condition> read_condition(std::string_view& text, const MapInfo& map) {
    const std::string_view path = take_path(text);
    Result<Field> field = find_field(map, path);
    if (!field) return std::unexpected(field.error());
    Condition condition;
    condition.field = std::move(*field);
    const auto* found = std::ranges::find_if(
        kOperators, [&](const Operator& each) { return text.starts_with(each.text); });
    if (found == kOperators.end())
        return fail(ErrorKind::kInvalid,
                    fmt::format("value '{}' behind {}, expected ==, !=, <, <=, >, >= or in",
                                text.substr(0, 20), path));
    condition.comparison = found->comparison;
    text.remove_prefix(found->text.size());
    skip_blanks(text);
    if (text.empty())
        return fail(ErrorKind::kInvalid, fmt::format("expected a value behind {}", path));
    const Result<void> read = read_literal(take_literal(text), condition);
    if (!read) return std::unexpected(read.error());
    return condition;
}

bool holds(Comparison comparison, std::strong_ordering order) {
    switch (comparison) {
        case Comparison::Equal: return order == 0;
        case Comparison::Unequal: return order != 0;
        case Comparison::Less: return order < 0;
        case Comparison::LessEqual: return order <= 0;
        case Comparison::Greater: return order > 0;
        case Comparison::GreaterEqual: return order >= 0;
        case Comparison::In: break;
    }
    return false;
}

bool covers(const Condition& condition, ByteSpan whole) {
    const ByteSpan address = address_of(condition.field, whole);
    const uint32_t bits = condition.prefix_bits;
    if (condition.field.form == FieldForm::Prefix &&
        to_number(condition.field.of(whole).first(kLengthBytes)) < bits)
        return false;  // a shorter prefix holds more than this one
    if (!std::equal(address.begin(), address.begin() + bits / 8, condition.bytes.begin()))
        return false;
    if (bits % 8 == 0) return true;
    const uint32_t mask = 0xff00u >> (bits % 8) & 0xffu;
    return ((address[bits / 8] ^ condition.bytes[bits / 8]) & mask) == 0;
}

bool fits_bytes(const Condition& condition, ByteSpan whole) {
    if (condition.comparison == Comparison::In) return covers(condition, whole);
    const ByteSpan bytes = condition.field.of(whole);
    const int order = std::memcmp(bytes.data(), condition.bytes.data(), bytes.size());
    return holds(condition.comparison, order <=> 0);
}

std::strong_ordering compare(__int128 one, __int128 other) {
    if (one == other) return std::strong_ordering::equal;
    return one < other ? std::strong_ordering::less : std::strong_ordering::greater;
}

bool fits_slots(const Condition& condition, const std::vector<ByteSpan>& slots) {
    if (condition.by_bytes || !is_summable(condition.field))
        return std::ranges::any_of(slots, [&](ByteSpan slot) {
            if (condition.by_bytes) return fits_bytes(condition, slot);
            const auto number = field_number(condition.field, slot);
            return number && holds(condition.comparison, compare(*number, condition.number));
        });
    __int128 sum = 0;
    for (const ByteSpan slot : slots) sum += field_number(condition.field, slot).value_or(0);
    return holds(condition.comparison, compare(sum, condition.number));
}

}  // namespace

Result<MapFilter> MapFilter::parse(const std::vector<std::string>& texts, const MapInfo& map) {
    MapFilter filter;
    filter.map_ = map;
    for (const std::string& whole : texts) {
        std::string_view text = whole;
        skip_blanks(text);
        do {
            Result<Condition> condition = read_condition(text, map);
            if (!condition)
                return fail_in(fmt::format("--where '{}'", whole.substr(0, 80)), condition.error());
            if (filter.conditions_.size() == kConditionsMax)
                return fail(ErrorKind::kInvalid,
                            fmt::format("--where: more than {} conditions", kConditionsMax));
            filter.conditions_.push_back(std::move(*condition));
        } while (take_and(text));
        if (!text.empty())
            return fail(ErrorKind::kInvalid,
                        fmt::format("--where '{}': '{}' is left over, expected 'and' or the end",
                                    whole.substr(0, 80), text.substr(0, 40)));
    }
    return filter;
}

bool MapFilter::matches(ByteSpan key, ByteSpan value) const {
    if (conditions_.empty()) return true;
    const std::vector<ByteSpan> slots = value_slots(map_, value);
    const std::vector<ByteSpan> keys = {key};
    return std::ranges::all_of(conditions_, [&](const Condition& condition) {
        return fits_slots(condition, condition.field.of_key ? keys : slots);
    });
}

}  // namespace weir::controlplane::cli
