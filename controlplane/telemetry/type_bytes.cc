// A value is written into bytes that are zero. Unions take several members where these agree, since
// to_json prints all of them.
#include "controlplane/telemetry/type_bytes.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

#include "controlplane/config/reader.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/network_text.h"

namespace weir::controlplane {
namespace {

using Out = std::span<uint8_t>;

std::unexpected<Error> refuse(const std::string& path, const Json& json,
                              const std::string& expected) {
    const std::string shown =
        json.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace).substr(0, 80);
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: value {}, expected {}", path, shown, expected));
}

std::string name_of(const vm::TypeInfo& type) {
    return type.name.empty() ? fmt::format("{} bytes", type.size_bytes) : type.name;
}

/// "0x…" with exactly the digits that fill `bytes`, in memory order.
bool put_hex(const std::string& text, Out bytes) {
    Bytes raw;
    if (!text.starts_with("0x") && !text.starts_with("0X")) return false;
    if (!from_hex(std::string_view(text).substr(2), raw) || raw.size() != bytes.size())
        return false;
    std::ranges::copy(raw, bytes.begin());
    return true;
}

/// Numbers of JSON, and decimal digits in a text.
std::optional<__int128> whole_number(const Json& json) {
    if (json.is_number_unsigned()) return json.get<uint64_t>();
    if (json.is_number_integer()) return json.get<int64_t>();
    if (!json.is_string()) return std::nullopt;
    const std::string& text = json.get_ref<const std::string&>();
    const char* end = text.data() + text.size();
    int64_t negative = 0;
    uint64_t positive = 0;
    const bool has_sign = text.starts_with('-');
    const auto [stop, problem] = has_sign ? std::from_chars(text.data(), end, negative)
                                          : std::from_chars(text.data(), end, positive);
    if (problem != std::errc() || stop != end || text.empty()) return std::nullopt;
    return has_sign ? __int128{negative} : __int128{positive};
}

struct Range {
    __int128 low = 0, high = 0;
};

Range range_of(uint32_t bits, bool is_signed) {
    const __int128 one = 1;
    if (is_signed) return {-(one << (bits - 1)), (one << (bits - 1)) - 1};
    return {0, (one << bits) - 1};
}

std::string shown(const Range& range, const std::string& name) {
    const std::string low =
        range.low < 0 ? fmt::format("{}", static_cast<int64_t>(range.low)) : "0";
    return fmt::format("{} to {} ({})", low, static_cast<uint64_t>(range.high), name);
}

Result<void> put_number(const Json& json, const Range& range, Out bytes, bool big_endian,
                        const std::string& path, const std::string& expected) {
    const std::optional<__int128> number = whole_number(json);
    if (!number || *number < range.low || *number > range.high) return refuse(path, json, expected);
    const uint64_t raw = static_cast<uint64_t>(*number);
    if (big_endian)
        put_big_endian(raw, bytes);
    else
        std::memcpy(bytes.data(), &raw, std::min<size_t>(bytes.size(), sizeof raw));
    return {};
}

Result<void> put_plain(const Json& json, Out bytes, const std::string& path) {
    if (json.is_string() && put_hex(json.get_ref<const std::string&>(), bytes)) return {};
    if (json.is_string() && bytes.size() != 6 &&
        parse_address(json.get_ref<const std::string&>(), bytes))
        return {};
    const std::string hex =
        bytes.empty() ? "\"0x\"" : fmt::format("\"0x\" and {} hex digits", 2 * bytes.size());
    if (bytes.empty() || bytes.size() > 8) return refuse(path, json, hex);
    const uint32_t bits = static_cast<uint32_t>(bytes.size()) * 8;
    const Range range{json.is_number() && !json.is_number_unsigned() ? range_of(bits, true).low : 0,
                      range_of(bits, false).high};
    return put_number(json, range, bytes, false, path,
                      fmt::format("a number of {} bytes or {}", bytes.size(), hex));
}

Result<void> put_int(const vm::TypeInfo& type, const Json& json, Out bytes,
                     const std::string& path) {
    if (bytes.size() > 8) return put_plain(json, bytes, path);
    if (json.is_string()) {
        const std::string& text = json.get_ref<const std::string&>();
        if (put_hex(text, bytes) || (bytes.size() == 4 && parse_address(text, bytes))) return {};
    }
    const Range range = range_of(static_cast<uint32_t>(bytes.size()) * 8, type.is_signed);
    const std::string address = is_address_type(type) ? "an IPv4 address or " : "";
    return put_number(json, range, bytes, is_big_endian(type), path,
                      address + shown(range, name_of(type)));
}

Result<void> put_bool(const Json& json, Out bytes, const std::string& path) {
    if (json.is_boolean()) {
        bytes[0] = json.get<bool>() ? 1 : 0;
        return {};
    }
    if (json == "true" || json == "false") {
        bytes[0] = json == "true" ? 1 : 0;
        return {};
    }
    return put_number(json, {0, 1}, bytes, false, path, "true or false");
}

Result<void> put_char(const Json& json, Out bytes, const std::string& path) {
    if (json.is_string() && json.get_ref<const std::string&>().size() == 1 && !whole_number(json)) {
        bytes[0] = static_cast<uint8_t>(json.get_ref<const std::string&>()[0]);
        return {};
    }
    return put_number(json, {-128, 255}, bytes, false, path, "-128 to 255 or one character");
}

Result<void> put_enum(const vm::TypeInfo& type, const Json& json, Out bytes,
                      const std::string& path) {
    std::vector<std::string> names;
    for (const auto& [name, value] : type.values) {
        names.push_back(name);
        if (json != name) continue;
        std::memcpy(bytes.data(), &value, std::min<size_t>(bytes.size(), sizeof value));
        return {};
    }
    if (json.is_string() && put_hex(json.get_ref<const std::string&>(), bytes)) return {};
    std::string expected;
    if (json.is_string() && !whole_number(json)) {
        const std::string near = did_you_mean(json.get_ref<const std::string&>(), names);
        if (!near.empty()) expected = fmt::format("{}: did you mean '{}'?", name_of(type), near);
    }
    constexpr size_t kShownMax = 8;
    if (expected.empty()) {
        for (size_t i = 0; i < std::min(names.size(), kShownMax); ++i)
            expected += (i == 0 ? "" : ", ") + names[i];
        expected =
            fmt::format("one of {}{} or a number", expected, names.size() > kShownMax ? ", …" : "");
    }
    const uint32_t bits = static_cast<uint32_t>(std::min<size_t>(bytes.size(), 8)) * 8;
    return put_number(json, {range_of(bits, true).low, range_of(bits, false).high}, bytes, false,
                      path, expected);
}

Result<void> put_float(const Json& json, Out bytes, const std::string& path) {
    if (!json.is_number() || (bytes.size() != 4 && bytes.size() != 8))
        return put_plain(json, bytes, path);
    const uint64_t raw = bytes.size() == 4 ? std::bit_cast<uint32_t>(json.get<float>())
                                           : std::bit_cast<uint64_t>(json.get<double>());
    std::memcpy(bytes.data(), &raw, bytes.size());
    return {};
}

Result<void> put_pointer(const Json& json, Out bytes, const std::string& path) {
    if (!json.is_string()) return put_plain(json, bytes, path);
    const std::string& text = json.get_ref<const std::string&>();
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    if (!text.starts_with("0x")) return refuse(path, json, "an address after 0x");
    const auto [stop, problem] = std::from_chars(text.data() + 2, end, number, 16);
    if (problem != std::errc() || stop != end) return refuse(path, json, "an address after 0x");
    std::memcpy(bytes.data(), &number, std::min<size_t>(bytes.size(), sizeof number));
    return {};
}

Result<void> put_array(const vm::TypeInfo& type, const Json& json, Out bytes,
                       const std::string& path) {
    const size_t step = type.element == nullptr ? 0 : type.element->size_bytes;
    if (step == 0 || step * type.element_count != bytes.size()) return put_plain(json, bytes, path);
    if (json.is_string()) {
        const std::string& text = json.get_ref<const std::string&>();
        if (put_hex(text, bytes)) return {};
        if (type.element->kind == vm::TypeKind::Char) {
            if (text.size() > bytes.size())
                return refuse(path, json, fmt::format("a text of at most {} bytes", bytes.size()));
            std::ranges::copy(text, bytes.begin());
            return {};
        }
        if (step == 1 && parse_address(text, bytes)) return {};
    }
    if (!json.is_array() || json.size() != type.element_count)
        return refuse(path, json,
                      fmt::format("a list of {} {}", type.element_count, name_of(*type.element)));
    for (size_t i = 0; i < json.size(); ++i) {
        const Result<void> put = from_json(type.element, json[i], bytes.subspan(i * step, step),
                                           fmt::format("{}[{}]", path, i));
        if (!put) return put;
    }
    return {};
}

Result<void> put_bits(const vm::TypeMember& member, const Json& json, Out bytes,
                      const std::string& path) {
    uint64_t value = 0;
    const Range range = range_of(std::min<uint32_t>(member.bit_size, 64), false);
    const Result<void> put =
        put_number(json, range, Out(reinterpret_cast<uint8_t*>(&value), sizeof value), false, path,
                   shown(range, fmt::format("{} bits", member.bit_size)));
    if (!put) return put;
    for (uint32_t bit = 0; bit < member.bit_size && bit < 64; ++bit) {
        const uint32_t at = member.bit_offset + bit;
        if (at / 8 >= bytes.size()) break;
        const uint8_t mask = static_cast<uint8_t>(1u << (at % 8));
        bytes[at / 8] =
            static_cast<uint8_t>((bytes[at / 8] & ~mask) | ((value >> bit & 1) != 0 ? mask : 0));
    }
    return {};
}

Result<void> put_member(const vm::TypeMember& member, const Json& json, Out bytes,
                        const std::string& path) {
    if (member.bit_size != 0) return put_bits(member, json, bytes, path);
    const size_t offset = member.bit_offset / 8;
    const size_t size = member.type == nullptr ? 0 : member.type->size_bytes;
    if (offset + size > bytes.size()) return {};
    return from_json(member.type, json, bytes.subspan(offset, size), path);
}

/// Every name that an object may have, those of anonymous members among them.
void add_names(const vm::TypeInfo& type, std::vector<std::string>& names) {
    for (const vm::TypeMember& member : type.members) {
        if (!member.name.empty())
            names.push_back(member.name);
        else if (member.type != nullptr)
            add_names(*member.type, names);
    }
}

Result<void> put_members(const vm::TypeInfo& type, const Json& json, Out bytes,
                         const std::string& path);

/// Members that are given must agree, since they share their bytes; at least one is needed.
Result<void> put_union(const vm::TypeInfo& type, const Json& json, Out bytes,
                       const std::string& path) {
    Bytes whole;
    std::string first;
    for (const vm::TypeMember& member : type.members) {
        Bytes part(bytes.size());
        const bool is_given = member.name.empty() || json.contains(member.name);
        if (!is_given) continue;
        if (member.name.empty()) {
            std::vector<std::string> names;
            if (member.type != nullptr) add_names(*member.type, names);
            if (std::ranges::none_of(names, [&](const auto& name) { return json.contains(name); }))
                continue;
        }
        const Result<void> put =
            member.name.empty()
                ? put_members(*member.type, json, Out(part).first(member.type->size_bytes), path)
                : put_member(member, json[member.name], part, path + "." + member.name);
        if (!put) return put;
        const size_t size = member.type == nullptr ? bytes.size() : member.type->size_bytes;
        if (whole.empty()) first = member.name;
        const size_t shared = std::min(whole.size(), size);
        if (!std::equal(part.begin(), part.begin() + static_cast<ptrdiff_t>(shared), whole.begin()))
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: '{}' and '{}' share their bytes and differ, expected one "
                                    "of them",
                                    path, first, member.name));
        if (size > whole.size())
            whole.assign(part.begin(), part.begin() + static_cast<ptrdiff_t>(size));
    }
    if (whole.empty() && !type.members.empty())
        return fail(ErrorKind::kInvalid, fmt::format("{}: expected one member of the union", path));
    std::copy_n(whole.begin(), std::min(whole.size(), bytes.size()), bytes.begin());
    return {};
}

Result<void> put_members(const vm::TypeInfo& type, const Json& json, Out bytes,
                         const std::string& path) {
    if (type.kind == vm::TypeKind::Union) return put_union(type, json, bytes, path);
    for (const vm::TypeMember& member : type.members) {
        const size_t offset = member.bit_offset / 8;
        const size_t size = member.type == nullptr ? 0 : member.type->size_bytes;
        Result<void> put;
        if (member.name.empty() && member.type != nullptr && !member.type->members.empty()) {
            if (offset + size <= bytes.size())
                put = put_members(*member.type, json, bytes.subspan(offset, size), path);
        } else if (json.contains(member.name)) {
            put = put_member(member, json[member.name], bytes, path + "." + member.name);
        } else if (!is_filler(member)) {
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: member '{}' is missing, expected every member of {}", path,
                                    member.name, name_of(type)));
        }
        if (!put) return put;
    }
    return {};
}

Result<void> put_object(const vm::TypeInfo& type, const Json& json, Out bytes,
                        const std::string& path) {
    if (json.is_string()) {
        const std::string& text = json.get_ref<const std::string&>();
        if (put_hex(text, bytes)) return {};
        const bool is_ip = is_address_type(type) || type.name == "in_addr";
        if (is_ip && parse_address(text, bytes)) return {};
        if (is_address_type(type)) return refuse(path, json, "an IPv6 address");
    }
    if (!json.is_object())
        return refuse(path, json, fmt::format("an object with the members of {}", name_of(type)));
    std::vector<std::string> names;
    add_names(type, names);
    for (const auto& [name, value] : json.items()) {
        if (std::ranges::find(names, name) != names.end()) continue;
        const std::string near = did_you_mean(name, names);
        std::string all;
        for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
        return fail(ErrorKind::kInvalid,
                    near.empty() ? fmt::format("{}: unknown member '{}', expected {}", path,
                                               name.substr(0, 80), all)
                                 : fmt::format("{}: unknown member '{}', did you mean '{}'?", path,
                                               name.substr(0, 80), near));
    }
    return put_members(type, json, bytes, path);
}

}  // namespace

bool is_filler(const vm::TypeMember& member) {
    std::string_view name = member.name;
    name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
    if (name.empty()) return true;
    constexpr std::array<std::string_view, 4> kFillers = {"pad", "reserved", "unused", "rsvd"};
    if (std::ranges::any_of(kFillers, [&](auto start) { return name.starts_with(start); }))
        return true;
    return member.type != nullptr &&
           (member.type->name == "bpf_spin_lock" || member.type->name == "bpf_timer");
}

Result<void> from_json(const vm::TypeRef& type, const Json& json, std::span<uint8_t> bytes,
                       const std::string& path) {
    if (type == nullptr || type->size_bytes != bytes.size() || bytes.empty())
        return put_plain(json, bytes, path);
    switch (type->kind) {
        case vm::TypeKind::Int: return put_int(*type, json, bytes, path);
        case vm::TypeKind::Bool: return put_bool(json, bytes, path);
        case vm::TypeKind::Char: return put_char(json, bytes, path);
        case vm::TypeKind::Enum: return put_enum(*type, json, bytes, path);
        case vm::TypeKind::Float: return put_float(json, bytes, path);
        case vm::TypeKind::Pointer: return put_pointer(json, bytes, path);
        case vm::TypeKind::Array: return put_array(*type, json, bytes, path);
        case vm::TypeKind::Struct:
        case vm::TypeKind::Union: return put_object(*type, json, bytes, path);
        case vm::TypeKind::Opaque: break;
    }
    return put_plain(json, bytes, path);
}

}  // namespace weir::controlplane
