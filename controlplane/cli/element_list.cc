// Hex is exact (padding, texts behind their NUL), the typed form is what people edit. So hex counts
// where both say the same, and an element of which only one form was edited is refused.
#include "controlplane/cli/element_list.h"

#include <fmt/core.h>

#include <algorithm>

#include "controlplane/api/map_elements.h"
#include "controlplane/cli/element_index.h"
#include "controlplane/cli/element_text.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"
#include "controlplane/telemetry/type_bytes.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;
using Out = std::span<uint8_t>;

std::string place_at(const std::string& path, std::string_view text, size_t offset) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const size_t line = static_cast<size_t>(std::ranges::count(before, '\n')) + 1;
    const size_t newline = before.rfind('\n');
    const size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
    return fmt::format("{}:{}:{}", path, line, column);
}

/// Where the element of that index starts, in a list that is known to be well formed.
size_t offset_of(std::string_view text, size_t index) {
    size_t depth = 0, seen = 0;
    bool in_text = false, wants_start = false;
    for (size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (in_text) {
            if (c == '\\') ++at;
            if (c == '"') in_text = false;
            continue;
        }
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (wants_start && !blank) {
            if (seen == index) return at;
            wants_start = false;
        }
        if (c == '"') in_text = true;
        if (c == '{' || c == '[') wants_start = ++depth == 1;
        if (c == '}' || c == ']') --depth;
        if (c == ',' && depth == 1) {
            ++seen;
            wants_start = true;
        }
    }
    return 0;
}

/// Fills `out` from "NAME_hex", if the element has it.
Result<bool> take_hex(const Json& element, const char* name, Out out) {
    const auto found = element.find(name);
    if (found == element.end()) return false;
    Bytes raw;
    if (!found->is_string() || !from_hex(found->get_ref<const std::string&>(), raw) ||
        raw.size() != out.size())
        return fail(
            ErrorKind::kInvalid,
            fmt::format("{}: value {}, expected {} hex digits", name,
                        found->dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80),
                        2 * out.size()));
    std::ranges::copy(raw, out.begin());
    return true;
}

std::unexpected<Error> disagree(const char* typed, const char* hex) {
    return fail(ErrorKind::kInvalid,
                fmt::format("'{}' and '{}' say different things, expected one of them or the same",
                            typed, hex));
}

/// The same document, whatever the order of members.
bool same_json(const Json& one, const Json& other) {
    const std::string text = one.dump(), other_text = other.dump();
    return text == other_text || nlohmann::json::parse(text) == nlohmann::json::parse(other_text);
}

Result<void> take_typed_key(const Json& json, const MapInfo& map, Out key) {
    if (map.spec.key_bytes == 0) return {};
    if (json.is_string()) return parse_key(json.get_ref<const std::string&>(), map, key);
    return from_json(map.spec.key_type, json, key, "key");
}

Result<void> take_key(const Json& element, const MapInfo& map, Out key) {
    const Result<bool> has_hex = take_hex(element, "key_hex", key);
    if (!has_hex) return std::unexpected(has_hex.error());
    const auto typed = element.find("key");
    if (typed == element.end() && !*has_hex && map.spec.key_bytes != 0)
        return fail(ErrorKind::kInvalid, "the element has no key, expected 'key' or 'key_hex'");
    if (typed != element.end() && *has_hex && !same_json(to_json(map.spec.key_type, key), *typed))
        return disagree("key", "key_hex");
    if (typed != element.end() && !*has_hex)
        if (const Result<void> taken = take_typed_key(*typed, map, key); !taken) return taken;
    const Result<void> fits = check_key(map, key);
    return fits ? fits : fail_in("key", fits.error());
}

/// One value, or one for each slot.
Result<void> take_typed_value(const Json& element, const MapInfo& map, Out value) {
    const vm::TypeRef& type = map.spec.value_type;
    const size_t bytes = map.spec.value_bytes, step = (bytes + 7) / 8 * 8;
    if (!vm::is_percpu(map.spec.type)) return from_json(type, element["value"], value, "value");
    const bool is_list = element.contains("values");
    const Json& list = is_list ? element["values"] : element["value"];
    if (is_list && (!list.is_array() || list.size() != map.cpu_slots))
        return fail(ErrorKind::kInvalid,
                    fmt::format("values: {} of them, expected a list of {}, one a CPU",
                                list.is_array() ? list.size() : 1, map.cpu_slots));
    for (size_t i = 0; i < map.cpu_slots; ++i) {
        const Result<void> put =
            from_json(type, is_list ? list[i] : list, value.subspan(i * step, bytes),
                      is_list ? fmt::format("values[{}]", i) : "value");
        if (!put) return put;
    }
    return {};
}

Result<void> take_value(const Json& element, const MapInfo& map, Out value) {
    const Result<bool> has_hex = take_hex(element, "value_hex", value);
    if (!has_hex) return std::unexpected(has_hex.error());
    const char* name = element.contains("values") ? "values" : "value";
    const bool is_typed = element.contains(name);
    if (!is_typed && !*has_hex)
        return fail(ErrorKind::kInvalid,
                    "the element has no value, expected 'value', 'values' or 'value_hex'");
    if (!*has_hex) return take_typed_value(element, map, value);
    if (!is_typed) return {};
    const Json shown = element_json(map, {Bytes(), Bytes(value.begin(), value.end())});
    if (!shown.contains(name) || !same_json(shown[name], element[name]))
        return disagree(name, "value_hex");
    return {};
}

Result<void> take_element(const Json& element, const MapInfo& map, Out record) {
    if (!element.is_object())
        return fail(ErrorKind::kInvalid, "expected an element, {\"key\":…,\"value\":…}");
    const Result<void> key = take_key(element, map, record.first(map.spec.key_bytes));
    return key ? take_value(element, map, record.subspan(map.spec.key_bytes)) : key;
}

}  // namespace

Result<ElementRecords> parse_element_list(std::string_view text, const std::string& path,
                                          const MapInfo& map) {
    Json list;
    try {
        list = Json::parse(text);
    } catch (const Json::parse_error& error) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: expected a JSON list of elements, as 'weir map dump -j' "
                                "prints it",
                                place_at(path, text, error.byte == 0 ? 0 : error.byte - 1)));
    }
    ElementRecords records{map.spec.key_bytes, control_value_bytes(map), {}};
    const size_t step = records.record_bytes();
    ElementIndex index(records, map.spec.type == vm::MapType::LpmTrie, list.size());
    for (size_t i = 0; i < list.size(); ++i) {
        const size_t last = records.count();
        records.bytes.resize((last + 1) * step);
        const Out record = Out(records.bytes).subspan(last * step);
        if (const Result<void> taken = take_element(list[i], map, record); !taken)
            return fail_in(place_at(path, text, offset_of(text, i)), taken.error());
        const size_t place = records.key_bytes == 0 ? last : index.place_of_last();
        if (place == last) continue;
        std::ranges::copy(record, records.bytes.begin() + static_cast<ptrdiff_t>(place * step));
        records.bytes.resize(last * step);
    }
    return records;
}

}  // namespace weir::controlplane::cli
