#include "controlplane/telemetry/type_json.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/network_text.h"

namespace weir::controlplane {
namespace {

Json without_type(ByteSpan bytes) {
    if (bytes.size() == 1 || bytes.size() == 2 || bytes.size() == 4 || bytes.size() == 8)
        return to_number(bytes);
    return "0x" + to_hex(bytes);
}

int64_t to_signed(ByteSpan bytes) {
    const uint64_t raw = to_number(bytes);
    const uint32_t bits = static_cast<uint32_t>(std::min<size_t>(bytes.size(), 8) * 8);
    const uint32_t shift = 64 - bits;
    return static_cast<int64_t>(raw << shift) >> shift;
}

Json int_json(const vm::TypeInfo& type, ByteSpan bytes) {
    if (bytes.size() > 8) return "0x" + to_hex(bytes);
    if (is_big_endian(type)) return big_endian_number(bytes);
    return type.is_signed ? Json(to_signed(bytes)) : Json(to_number(bytes));
}

Json enum_json(const vm::TypeInfo& type, ByteSpan bytes) {
    const int64_t number =
        type.is_signed ? to_signed(bytes) : static_cast<int64_t>(to_number(bytes));
    for (const auto& [name, value] : type.values)
        if (value == number ||
            (!type.is_signed && bytes.size() == 4 && static_cast<uint32_t>(value) == number))
            return name;
    return number;
}

Json float_json(ByteSpan bytes) {
    if (bytes.size() == 4) return std::bit_cast<float>(static_cast<uint32_t>(to_number(bytes)));
    if (bytes.size() == 8) return std::bit_cast<double>(to_number(bytes));
    return without_type(bytes);
}

Json array_json(const vm::TypeInfo& type, ByteSpan bytes) {
    const uint32_t step = type.element == nullptr ? 0 : type.element->size_bytes;
    if (step == 0 || static_cast<size_t>(step) * type.element_count != bytes.size())
        return "0x" + to_hex(bytes);
    if (type.element->kind == vm::TypeKind::Char) {
        const auto end = std::find(bytes.begin(), bytes.end(), 0);
        const bool is_text = std::all_of(bytes.begin(), end,
                                         [](uint8_t byte) { return byte >= 0x20 && byte < 0x7f; });
        if (is_text) return std::string(bytes.begin(), end);
    }
    Json list = Json::array();
    for (uint32_t i = 0; i < type.element_count; ++i)
        list.push_back(to_json(type.element, bytes.subspan(i * step, step)));
    return list;
}

Json bit_field_json(const vm::TypeMember& member, ByteSpan bytes) {
    uint64_t value = 0;
    for (uint32_t bit = 0; bit < member.bit_size && bit < 64; ++bit) {
        const uint32_t at = member.bit_offset + bit;
        if (at / 8 >= bytes.size()) break;
        value |= static_cast<uint64_t>((bytes[at / 8] >> (at % 8)) & 1) << bit;
    }
    return value;
}

void add_members(const vm::TypeInfo& type, ByteSpan bytes, Json& object) {
    for (const vm::TypeMember& member : type.members) {
        const size_t offset = member.bit_offset / 8;
        const size_t size = member.type == nullptr ? 0 : member.type->size_bytes;
        if (offset + size > bytes.size()) continue;
        const ByteSpan part = bytes.subspan(offset, size);
        if (member.bit_size != 0)
            object[member.name] = bit_field_json(member, bytes);
        else if (member.name.empty() && member.type != nullptr)
            add_members(*member.type, part, object);
        else
            object[member.name] = to_json(member.type, part);
    }
}

}  // namespace

uint64_t to_number(ByteSpan bytes) {
    uint64_t number = 0;
    std::memcpy(&number, bytes.data(), std::min<size_t>(bytes.size(), sizeof number));
    return number;
}

Json to_json(const vm::TypeRef& type, ByteSpan bytes) {
    if (type == nullptr || type->size_bytes != bytes.size()) return without_type(bytes);
    if (is_address_type(*type)) return address_text(bytes);
    switch (type->kind) {
        case vm::TypeKind::Int: return int_json(*type, bytes);
        case vm::TypeKind::Bool: return to_number(bytes) != 0;
        case vm::TypeKind::Char: return to_number(bytes);
        case vm::TypeKind::Enum: return enum_json(*type, bytes);
        case vm::TypeKind::Float: return float_json(bytes);
        case vm::TypeKind::Pointer: return fmt::format("{:#x}", to_number(bytes));
        case vm::TypeKind::Array: return array_json(*type, bytes);
        case vm::TypeKind::Struct:
        case vm::TypeKind::Union: {
            Json object = Json::object();
            add_members(*type, bytes, object);
            return object;
        }
        case vm::TypeKind::Opaque: break;
    }
    return without_type(bytes);
}

std::string to_word(const vm::TypeRef& type, ByteSpan bytes) {
    const Json value = to_json(type, bytes);
    return value.is_string()
               ? value.get<std::string>()
               : value.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace);
}

MemberPlace find_member(const vm::TypeRef& type, const std::string& name) {
    if (type == nullptr) return {};
    for (const vm::TypeMember& member : type->members) {
        const uint32_t offset = member.bit_offset / 8;
        if (member.name == name && member.bit_size == 0) return {true, offset, member.type};
        if (!member.name.empty()) continue;
        MemberPlace inner = find_member(member.type, name);
        if (inner.found) return {true, offset + inner.offset_bytes, inner.type};
    }
    return {};
}

}  // namespace weir::controlplane
