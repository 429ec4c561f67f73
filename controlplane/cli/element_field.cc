#include "controlplane/cli/element_field.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "controlplane/config/prefix.h"
#include "controlplane/config/reader.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/network_text.h"
#include "controlplane/telemetry/type_bytes.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;
using vm::TypeKind;

bool is_prefix_key(const vm::MapSpec& spec) {
    if (spec.type != vm::MapType::LpmTrie) return false;
    if (spec.key_bytes != 8 && spec.key_bytes != 20) return false;
    return spec.key_type == nullptr || spec.key_type->members.size() == 2;
}

bool is_byte_array(const vm::TypeInfo& type) {
    return type.kind == TypeKind::Array && type.element != nullptr &&
           type.element->size_bytes == 1 && type.element->kind == TypeKind::Int;
}

/// What authors call addresses that have no type of their own.
bool sounds_like_address(std::string_view name) {
    name = name.substr(
        name.find_last_of('.') == std::string_view::npos ? 0 : name.find_last_of('.') + 1);
    constexpr std::array<std::string_view, 10> kParts = {"addr", "mac",  "src",  "dst",     "ip4",
                                                         "ip6",  "ipv4", "ipv6", "gateway", "peer"};
    return name == "ip" || std::ranges::any_of(kParts, [&](std::string_view part) {
               return name.find(part) != std::string_view::npos;
           });
}

FieldForm form_of(const std::string& name, const vm::TypeRef& type) {
    if (type == nullptr) return FieldForm::Plain;
    if (is_address_type(*type) || (type->kind == TypeKind::Struct && type->name == "in_addr"))
        return FieldForm::Address;
    if (type->kind == TypeKind::Array && type->element != nullptr &&
        type->element->kind == TypeKind::Char)
        return FieldForm::Text;
    const bool has_size = type->size_bytes == 4 || type->size_bytes == 16 || type->size_bytes == 6;
    return has_size && is_byte_array(*type) && sounds_like_address(name) ? FieldForm::Address
                                                                         : FieldForm::Plain;
}

Field whole_field(bool of_key, const MapInfo& map) {
    Field field{.name = of_key ? "key" : "value",
                .of_key = of_key,
                .form = FieldForm::Plain,
                .offset_bytes = 0,
                .bytes = of_key ? map.spec.key_bytes : map.spec.value_bytes,
                .bit_offset = 0,
                .bit_size = 0,
                .type = of_key ? map.spec.key_type : map.spec.value_type};
    if (field.type != nullptr && field.type->size_bytes != field.bytes) field.type = nullptr;
    const bool is_prefix = of_key && is_prefix_key(map.spec);
    field.form = is_prefix ? FieldForm::Prefix : form_of(field.name, field.type);
    return field;
}

/// Null where the member does not lie in its struct, as hostile BTF may say.
std::optional<Field> member_field(const Field& outer, const vm::TypeMember& member) {
    Field field = outer;
    if (!member.name.empty()) field.name += "." + member.name;
    field.type = member.type;
    field.bytes = member.type == nullptr ? 0 : member.type->size_bytes;
    const uint32_t offset = member.bit_offset / 8;
    if (offset > outer.bytes) return std::nullopt;
    field.offset_bytes = outer.offset_bytes + offset;
    if (member.bit_size != 0) {
        field.bit_offset = outer.offset_bytes * 8 + member.bit_offset;
        field.bit_size = member.bit_size;
        field.bytes = (member.bit_offset % 8 + member.bit_size + 7) / 8;
    }
    if (offset + field.bytes > outer.bytes) return std::nullopt;
    field.form = member.bit_size != 0 ? FieldForm::Plain : form_of(field.name, member.type);
    return field;
}

bool is_struct(const Field& field) {
    return field.type != nullptr && field.type->kind == TypeKind::Struct &&
           field.form == FieldForm::Plain && field.bit_size == 0 && !field.type->members.empty();
}

void add_leaves(const Field& field, std::vector<Field>& leaves) {
    if (!is_struct(field)) {
        leaves.push_back(field);
        return;
    }
    for (const vm::TypeMember& member : field.type->members) {
        if (!member.name.empty() && is_filler(member)) continue;
        if (const std::optional<Field> inner = member_field(field, member))
            add_leaves(*inner, leaves);
    }
}

void add_member_names(const vm::TypeInfo& type, std::vector<std::string>& names) {
    for (const vm::TypeMember& member : type.members) {
        if (!member.name.empty())
            names.push_back(member.name);
        else if (member.type != nullptr)
            add_member_names(*member.type, names);
    }
}

std::optional<Field> find_member_field(const Field& outer, std::string_view name) {
    if (outer.type == nullptr) return std::nullopt;
    for (const vm::TypeMember& member : outer.type->members) {
        const std::optional<Field> field = member_field(outer, member);
        if (!field) continue;
        if (member.name == name && !name.empty()) return field;
        if (!member.name.empty()) continue;
        if (const std::optional<Field> inner = find_member_field(*field, name)) return inner;
    }
    return std::nullopt;
}

Result<Field> step_into(const Field& outer, std::string_view name) {
    if (std::optional<Field> found = find_member_field(outer, name)) return std::move(*found);
    std::vector<std::string> names;
    if (outer.type != nullptr) add_member_names(*outer.type, names);
    const std::string near = did_you_mean(name, names);
    std::string all;
    for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
    const std::string expected = !near.empty() ? fmt::format("did you mean '{}'?", near)
                                 : all.empty() ? "it has none"
                                               : "expected " + all;
    return fail(ErrorKind::kInvalid, fmt::format("{}: unknown member '{}', {}", outer.name,
                                                 name.substr(0, 80), expected));
}

Result<Field> step_at(const Field& outer, std::string_view digits) {
    uint32_t index = 0;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), index);
    const bool is_array = outer.type != nullptr && outer.type->kind == TypeKind::Array &&
                          outer.type->element != nullptr && outer.type->element->size_bytes != 0;
    if (!is_array) return fail(ErrorKind::kInvalid, fmt::format("{}: it is no array", outer.name));
    if (problem != std::errc() || end != digits.data() + digits.size() ||
        index >= outer.type->element_count)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}[{}]: expected an index from 0 to {}", outer.name, digits,
                                int64_t{outer.type->element_count} - 1));
    Field field = outer;
    field.name += fmt::format("[{}]", index);
    field.type = outer.type->element;
    field.bytes = field.type->size_bytes;
    field.offset_bytes += index * field.bytes;
    field.form = form_of(field.name, field.type);
    return field;
}

uint64_t bits_of(const Field& field, ByteSpan whole) {
    uint64_t number = 0;
    for (uint32_t bit = 0; bit < std::min(field.bit_size, 64u); ++bit) {
        const uint32_t at = field.bit_offset + bit;
        if (at / 8 >= whole.size()) break;
        number |= static_cast<uint64_t>(whole[at / 8] >> (at % 8) & 1) << bit;
    }
    return number;
}

std::string prefix_text(ByteSpan key) {
    uint32_t length = 0;
    std::memcpy(&length, key.data(), sizeof length);
    return fmt::format("{}/{}", address_text(key.subspan(4)), length);
}

std::string untyped_text(ByteSpan bytes) {
    const std::string hex = "0x" + to_hex(bytes);
    return bytes.empty() || bytes.size() > 8 ? hex : fmt::format("{} ({})", hex, to_number(bytes));
}

}  // namespace

std::vector<Field> key_fields(const MapInfo& map) {
    std::vector<Field> leaves;
    if (map.spec.key_bytes != 0) add_leaves(whole_field(true, map), leaves);
    return leaves;
}

std::vector<Field> value_fields(const MapInfo& map) {
    std::vector<Field> leaves;
    add_leaves(whole_field(false, map), leaves);
    return leaves;
}

Result<Field> find_field(const MapInfo& map, std::string_view path) {
    const bool of_key = path.starts_with("key"), of_value = path.starts_with("value");
    std::string_view rest = path.substr(of_key ? 3 : of_value ? 5 : 0);
    if ((!of_key && !of_value) || (!rest.empty() && rest[0] != '.' && rest[0] != '['))
        return fail(ErrorKind::kInvalid,
                    fmt::format("value '{}', expected key, value or a member like key.port",
                                path.substr(0, 80)));
    Field field = whole_field(of_key, map);
    while (!rest.empty()) {
        const bool indexed = rest[0] == '[';
        const size_t end =
            std::min(indexed ? rest.find(']') : rest.find_first_of(".[", 1), rest.size());
        const std::string_view word = rest.substr(1, end - 1);
        Result<Field> next = indexed ? step_at(field, word) : step_into(field, word);
        if (!next) return next;
        field = std::move(*next);
        rest.remove_prefix(std::min(end + (indexed ? 1 : 0), rest.size()));
    }
    return field;
}

std::optional<__int128> field_number(const Field& field, ByteSpan whole) {
    if (field.bit_size != 0) return bits_of(field, whole);
    const ByteSpan bytes = field.of(whole);
    if (bytes.empty() || bytes.size() > 8) return std::nullopt;
    if (field.type == nullptr) return to_number(bytes);
    const TypeKind kind = field.type->kind;
    if (is_big_endian(*field.type)) return big_endian_number(bytes);
    const bool is_number = kind == TypeKind::Int || kind == TypeKind::Bool ||
                           kind == TypeKind::Char || kind == TypeKind::Enum ||
                           kind == TypeKind::Pointer;
    if (!is_number) return std::nullopt;
    const uint64_t raw = to_number(bytes);
    if (!field.type->is_signed) return raw;
    const size_t shift = 64 - bytes.size() * 8;
    return static_cast<int64_t>(raw << shift) >> shift;
}

bool is_summable(const Field& field) {
    if (field.form != FieldForm::Plain) return false;
    if (field.bit_size != 0 || field.type == nullptr)
        return field.bit_size != 0 || (field.bytes != 0 && field.bytes <= 8);
    return field.type->kind == TypeKind::Int && field.bytes <= 8 && !is_big_endian(*field.type);
}

std::string number_text(__int128 number) {
    if (number >= 0 && number <= UINT64_MAX)
        return fmt::format("{}", static_cast<uint64_t>(number));
    return fmt::format("{}", number);
}

std::string field_text(const Field& field, ByteSpan whole) {
    if (field.bit_size != 0) return fmt::format("{}", bits_of(field, whole));
    const ByteSpan bytes = field.of(whole);
    if (field.form == FieldForm::Prefix) return prefix_text(bytes);
    if (field.form == FieldForm::Address) return address_text(bytes);
    return field.type == nullptr ? untyped_text(bytes) : to_word(field.type, bytes);
}

}  // namespace weir::controlplane::cli
