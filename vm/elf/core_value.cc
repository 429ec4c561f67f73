#include "vm/elf/core_value.h"

#include <fmt/format.h>

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

/// Where a member lies, in bytes that a load can take, and its bits among them.
struct Place {
    uint64_t byte_offset = 0;
    uint32_t bytes = 0;
    uint64_t bit_offset = 0;
    uint32_t bits = 0;
    bool is_bit_field = false;
    uint32_t type = 0;
};

/// Size of one element of however many dimensions.
Result<uint32_t> element_bytes(const BtfView& btf, uint32_t id) {
    uint32_t plain = btf.resolve(id);
    for (uint32_t i = 0; i < kBtfChainMax && btf.kind(plain) == BTF_KIND_ARRAY; ++i)
        plain = btf.resolve(btf_array(btf.type(plain))->type);
    return btf.size_of(plain);
}

/// The smallest aligned integer around the bits.
Result<Place> place_bit_field(const btf_type& type, Place place) {
    place.bytes = type.size;
    if (place.bytes == 0 || place.bytes > 8) return bad("a bit field of no integer");
    while (true) {
        place.byte_offset = place.bit_offset / 8 / place.bytes * place.bytes;
        if (place.bit_offset + place.bits - place.byte_offset * 8 <= uint64_t{place.bytes} * 8)
            return place;
        if (place.bytes >= 8) return bad("a bit field that no load of 64 bits covers");
        place.bytes *= 2;
    }
}

Result<Place> place_of(const BtfView& btf, const CoreSpec& spec) {
    const CoreStep& last = spec.steps.back();
    const btf_type* owner = btf.type(last.type);
    Place place{.bit_offset = spec.bit_offset};
    place.bits = btf_member_bitfield_size(owner, last.index);
    place.type = btf.resolve(btf_members(owner)[last.index].type);
    place.is_bit_field = place.bits > 0;
    if (place.is_bit_field) {
        const btf_type* type = btf.type(place.type);
        const bool is_number = type != nullptr && (btf_is_int(type) || btf_is_any_enum(type));
        return is_number ? place_bit_field(*type, place)
                         : Result<Place>(bad("a bit field of no integer"));
    }
    const auto bytes = btf.size_of(place.type);
    if (!bytes) return std::unexpected(bytes.error());
    place.bytes = *bytes;
    place.bits = *bytes * 8;
    place.byte_offset = spec.bit_offset / 8;
    return place;
}

bool is_signed_number(const BtfView& btf, uint32_t id) {
    const btf_type* type = btf.type(id);
    if (type == nullptr) return false;
    if (btf_is_any_enum(type)) return btf_kflag(type);
    return btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_SIGNED) != 0;
}

Result<CoreValue> member_value(const BtfView& btf, const CoreSpec& spec) {
    const auto place = place_of(btf, spec);
    if (!place) return std::unexpected(place.error());
    CoreValue result{.is_certain = !place->is_bit_field};
    switch (spec.kind) {
        case CoreKind::FieldByteOffset: {
            result.value = place->byte_offset;
            if (place->is_bit_field) return result;
            const auto bytes = element_bytes(btf, place->type);
            if (!bytes) return std::unexpected(bytes.error());
            result.access_bytes = *bytes;
            result.access_type = place->type;
            return result;
        }
        case CoreKind::FieldByteSize: result.value = place->bytes; return result;
        case CoreKind::FieldSigned:
            result.value = is_signed_number(btf, place->type) ? 1 : 0;
            result.is_certain = true;
            return result;
        case CoreKind::FieldLshift:
            result.value = 64 - (place->bit_offset + place->bits - place->byte_offset * 8);
            return result;
        case CoreKind::FieldRshift:
            result.value = uint64_t{64} - place->bits;
            result.is_certain = true;
            return result;
        default: return bad("not about a member");
    }
}

Result<CoreValue> element_value(const BtfView& btf, const CoreSpec& spec) {
    const CoreStep& last = spec.steps.back();
    if (spec.kind != CoreKind::FieldByteOffset && spec.kind != CoreKind::FieldByteSize)
        return bad(fmt::format("relocation of kind {} of an array's element",
                               static_cast<uint32_t>(spec.kind)));
    const bool is_size = spec.kind == CoreKind::FieldByteSize;
    const auto bytes = is_size ? btf.size_of(last.type) : element_bytes(btf, last.type);
    if (!bytes) return std::unexpected(bytes.error());
    if (is_size) return CoreValue{.value = *bytes};
    return CoreValue{
        .value = spec.bit_offset / 8, .access_bytes = *bytes, .access_type = last.type};
}

Result<CoreValue> type_value(const BtfView& btf, const CoreSpec& spec) {
    switch (spec.kind) {
        case CoreKind::TypeIdLocal:
        // Linking renumbers types, so what stands in the code may be another number.
        case CoreKind::TypeIdTarget: return CoreValue{.value = spec.root, .is_certain = false};
        case CoreKind::TypeExists:
        case CoreKind::TypeMatches: return CoreValue{.value = 1};
        default: break;
    }
    const auto bytes = btf.size_of(spec.root);
    if (!bytes) return std::unexpected(bytes.error());
    return CoreValue{.value = *bytes};
}

bool may_resize(const btf_type* before, const btf_type* after) {
    if (before == nullptr || after == nullptr) return false;
    if (btf_is_ptr(before) && btf_is_ptr(after)) return true;
    return btf_is_int(before) && btf_is_int(after) && btf_int_encoding(before) != BTF_INT_SIGNED &&
           btf_int_encoding(after) != BTF_INT_SIGNED;
}

}  // namespace

Result<CoreValue> core_value(const BtfView& btf, const CoreSpec& spec) {
    if (spec.kind == CoreKind::FieldExists || spec.kind == CoreKind::EnumvalExists)
        return CoreValue{.value = 1};
    if (is_type_kind(spec.kind)) return type_value(btf, spec);
    const CoreStep& last = spec.steps.back();
    if (spec.kind == CoreKind::EnumvalValue)
        return CoreValue{.value = enumerator_value(*btf.type(last.type), last.index)};
    return last.name.empty() ? element_value(btf, spec) : member_value(btf, spec);
}

CoreValue core_value_missing(CoreKind kind) {
    const bool answers_no =
        kind == CoreKind::FieldExists || kind == CoreKind::EnumvalExists || is_type_kind(kind);
    return {.is_missing = !answers_no};
}

CoreChange core_change(const BtfView& local, const CoreValue& before, const BtfView& target,
                       const CoreValue& after) {
    CoreChange change{.before = before.value,
                      .after = after.value,
                      .bytes_before = before.access_bytes,
                      .bytes_after = after.access_bytes,
                      .check_before = before.is_certain,
                      .is_missing = after.is_missing};
    change.is_misread = !after.is_missing && before.access_bytes != after.access_bytes &&
                        !may_resize(local.type(before.access_type), target.type(after.access_type));
    return change;
}

}  // namespace weir::vm::elf
