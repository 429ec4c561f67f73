#include "controlplane/api/map_elements.h"

#include <fmt/core.h>

#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"
#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

constexpr size_t kShownBytesMax = 32;  ///< of a key in a message

std::string shown(ByteSpan key) {
    return key.size() <= kShownBytesMax ? "0x" + to_hex(key)
                                        : "0x" + to_hex(key.first(kShownBytesMax)) + "…";
}

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80);
}

bool is_indexed(vm::MapType type) {
    using enum vm::MapType;
    return type == Array || type == PercpuArray || type == ProgArray || type == PerfEventArray ||
           type == ArrayOfMaps || type == Devmap || type == Cpumap || type == Xskmap;
}

Result<void> check_access(const api::MapInfo& map) {
    if (map.spec.frozen)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: its contents are frozen, expected a map that may change",
                                map.name));
    if ((map.spec.flags & vm::kMapRdonly) == 0) return {};
    return fail(
        ErrorKind::kInvalid,
        fmt::format("map {}: it is read-only for the control side (BPF_F_RDONLY)", map.name));
}

Result<void> check_value(const api::MapInfo& map, ByteSpan value) {
    if (map.spec.type == vm::MapType::UserRingbuf) return {};  // samples are as long as they are
    const size_t all = control_value_bytes(map);
    if (value.size() == map.spec.value_bytes || value.size() == all) return {};
    const std::string or_all =
        vm::is_percpu(map.spec.type) ? fmt::format(" or, for {} CPUs, {}", map.cpu_slots, all) : "";
    return fail(ErrorKind::kInvalid, fmt::format("the value has {} bytes, expected {}{}",
                                                 value.size(), map.spec.value_bytes, or_all));
}

ByteSpan bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

size_t record_bytes(const api::MapInfo& map, Slots slots) {
    return map.spec.key_bytes +
           (slots == Slots::Each ? control_value_bytes(map) : map.spec.value_bytes);
}

Result<void> check_records(const api::MapInfo& map, std::string_view body, Slots slots) {
    const size_t step = record_bytes(map, slots);
    if (step != 0 && body.size() % step == 0) return {};
    return fail(
        ErrorKind::kInvalid,
        fmt::format("map {}: the body has {} bytes, expected a multiple of {}: records of "
                    "{} bytes of key and {} of value",
                    map.name, body.size(), step, map.spec.key_bytes, step - map.spec.key_bytes));
}

std::vector<api::Element> read_records(const api::MapInfo& map, std::string_view body,
                                       Slots slots) {
    const size_t step = record_bytes(map, slots);
    std::vector<api::Element> elements;
    elements.reserve(body.size() / step);
    const ByteSpan bytes = bytes_of(body);
    for (size_t at = 0; at + step <= bytes.size(); at += step) {
        const ByteSpan key = bytes.subspan(at, map.spec.key_bytes);
        const ByteSpan value = bytes.subspan(at + key.size(), step - key.size());
        elements.emplace_back(Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end()));
    }
    return elements;
}

void append_record(const api::Element& element, std::string& body) {
    body.append(reinterpret_cast<const char*>(element.first.data()), element.first.size());
    body.append(reinterpret_cast<const char*>(element.second.data()), element.second.size());
}

Result<std::vector<Bytes>> read_keys(const api::MapInfo& map, std::string_view body) {
    const size_t step = map.spec.key_bytes;
    if (step == 0 || body.size() % step != 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: the body has {} bytes, expected a multiple of {}: keys",
                                map.name, body.size(), step));
    std::vector<Bytes> keys;
    const ByteSpan bytes = bytes_of(body);
    for (size_t at = 0; at < bytes.size(); at += step) {
        const ByteSpan key = bytes.subspan(at, step);
        keys.emplace_back(key.begin(), key.end());
    }
    return keys;
}

Result<std::vector<api::Element>> json_elements(const Json& body) {
    const auto list = body.find("elements");
    if (list == body.end() || !list->is_array())
        return fail(ErrorKind::kInvalid, "body: 'elements': expected a list");
    std::vector<api::Element> elements;
    for (const Json& item : *list) {
        const bool is_pair =
            item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string();
        api::Element element;
        if (!is_pair || !from_hex(item[0].get<std::string>(), element.first) ||
            !from_hex(item[1].get<std::string>(), element.second))
            return fail(ErrorKind::kInvalid,
                        fmt::format("body: 'elements'[{}]: value {}, expected "
                                    "[\"KEYHEX\",\"VALUEHEX\"], two digits a byte",
                                    elements.size(), text_of(item)));
        elements.push_back(std::move(element));
    }
    return elements;
}

Result<std::vector<Bytes>> json_keys(const Json& body) {
    const auto list = body.find("keys");
    if (list == body.end() || !list->is_array())
        return fail(ErrorKind::kInvalid, "body: 'keys': expected a list");
    std::vector<Bytes> keys;
    for (const Json& item : *list) {
        Bytes key;
        if (!item.is_string() || !from_hex(item.get<std::string>(), key))
            return fail(
                ErrorKind::kInvalid,
                fmt::format("body: 'keys'[{}]: value {}, expected \"KEYHEX\", two digits a byte",
                            keys.size(), text_of(item)));
        keys.push_back(std::move(key));
    }
    return keys;
}

Result<void> check_key(const api::MapInfo& map, ByteSpan key) {
    const vm::MapSpec& spec = map.spec;
    if (key.size() != spec.key_bytes)
        return fail(ErrorKind::kInvalid,
                    fmt::format("the key has {} bytes, expected {}", key.size(), spec.key_bytes));
    if (key.size() < 4) return {};
    const uint64_t front = to_number(key.first(4));
    if (spec.type == vm::MapType::LpmTrie && front > 8 * (key.size() - 4))
        return fail(ErrorKind::kInvalid, fmt::format("the prefix length is {}, expected at most {}",
                                                     front, 8 * (key.size() - 4)));
    if (is_indexed(spec.type) && front >= spec.entries_max)
        return fail(ErrorKind::kInvalid, fmt::format("the index is {}, expected at most {}", front,
                                                     int64_t{spec.entries_max} - 1));
    return {};
}

Result<void> check_elements(const api::MapInfo& map, const std::vector<api::Element>& elements,
                            uint64_t flags) {
    if (const Result<void> open = check_access(map); !open) return open;
    if ((flags & vm::kUpdateLock) != 0 && map.spec.spin_lock_offset == vm::kNoOffset)
        return fail(
            ErrorKind::kInvalid,
            fmt::format("map {}: its values have no bpf_spin_lock to take (BPF_F_LOCK)", map.name));
    for (size_t i = 0; i < elements.size(); ++i) {
        Result<void> fits = check_key(map, elements[i].first);
        if (fits) fits = check_value(map, elements[i].second);
        if (!fits)
            return fail(
                ErrorKind::kInvalid,
                fmt::format("map {}: element {} of {}, key {}: {}", map.name, i + 1,
                            elements.size(), shown(elements[i].first), fits.error().message));
    }
    return {};
}

}  // namespace weir::controlplane
