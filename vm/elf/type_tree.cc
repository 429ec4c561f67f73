// A struct that holds itself by value does not exist in C but does in hostile BTF: depth bounds the
// recursion, and sharing is by type *and* depth, so that no shared subtree makes another one deeper
// than the bound.
#include "vm/elf/type_tree.h"

#include "vm/base/printable.h"

namespace weir::vm::elf {

namespace {

TypeKind int_kind(const btf_type& type, std::string_view name) {
    const uint8_t encoding = btf_int_encoding(&type);
    if ((encoding & BTF_INT_BOOL) != 0) return TypeKind::Bool;
    if ((encoding & BTF_INT_CHAR) != 0 || (type.size == 1 && name == "char")) return TypeKind::Char;
    return TypeKind::Int;
}

}  // namespace

void TypeTrees::fill_members(TypeInfo& info, const btf_type& type, uint32_t depth) {
    const uint32_t count = btf_vlen(&type);
    members_ += count;
    if (members_ > kTypeMembersMax) return;
    info.kind = btf_is_union(&type) ? TypeKind::Union : TypeKind::Struct;
    for (uint32_t i = 0; i < count; ++i) {
        const btf_member& member = btf_members(&type)[i];
        info.members.push_back({.name = printable(btf_.text(member.name_off)),
                                .bit_offset = btf_member_bit_offset(&type, i),
                                .bit_size = btf_member_bitfield_size(&type, i),
                                .type = build(member.type, depth + 1)});
    }
}

void TypeTrees::fill_enum(TypeInfo& info, const btf_type& type) {
    const uint32_t count = btf_vlen(&type);
    members_ += count;
    if (members_ > kTypeMembersMax) return;
    info.kind = TypeKind::Enum;
    info.is_signed = btf_kflag(&type);
    for (uint32_t i = 0; i < count; ++i) {
        if (btf_is_enum64(&type)) {
            const struct btf_enum64& item = btf_enum64(&type)[i];
            info.values.emplace_back(printable(btf_.text(item.name_off)),
                                     static_cast<int64_t>(btf_enum64_value(&item)));
        } else {
            const struct btf_enum& item = btf_enum(&type)[i];
            const int64_t value =
                info.is_signed ? int64_t{item.val} : int64_t{static_cast<uint32_t>(item.val)};
            info.values.emplace_back(printable(btf_.text(item.name_off)), value);
        }
    }
}

void TypeTrees::fill(TypeInfo& info, uint32_t id, uint32_t depth) {
    const uint32_t plain = btf_.resolve(id);
    const btf_type* type = btf_.type(plain);
    if (type == nullptr || ++nodes_ > kTypeNodesMax || depth > kTypeDepthMax) return;
    if (info.name.empty()) info.name = printable(btf_.name(*type));
    switch (btf_kind(type)) {
        case BTF_KIND_INT:
            info.kind = int_kind(*type, btf_.name(*type));
            info.is_signed = (btf_int_encoding(type) & BTF_INT_SIGNED) != 0;
            break;
        case BTF_KIND_FLOAT: info.kind = TypeKind::Float; break;
        case BTF_KIND_PTR: info.kind = TypeKind::Pointer; break;
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64: fill_enum(info, *type); break;
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION: fill_members(info, *type, depth); break;
        case BTF_KIND_ARRAY:
            info.element_count = btf_array(type)->nelems;
            info.element = build(btf_array(type)->type, depth + 1);
            info.kind = info.element ? TypeKind::Array : TypeKind::Opaque;
            break;
        default: break;  // functions and forward declarations hold no data
    }
}

TypeRef TypeTrees::build(uint32_t id, uint32_t depth) {
    const btf_type* type = btf_.type(id);
    if (type == nullptr) return nullptr;
    const uint64_t place = (uint64_t{depth} << 32) | id;
    if (const auto known = done_.find(place); known != done_.end()) return known->second;
    auto info = std::make_shared<TypeInfo>();
    if (const auto size = btf_.size_of(id)) info->size_bytes = *size;
    // The outermost name is the one that the author wrote: "__be32", not "unsigned int".
    for (uint32_t step = 0; step < kBtfChainMax && type != nullptr && info->name.empty(); ++step) {
        if (btf_is_typedef(type))
            info->name = printable(btf_.name(*type));
        else if (!btf_is_mod(type))
            break;
        type = btf_.type(type->type);
    }
    fill(*info, id, depth);
    done_.emplace(place, info);
    return info;
}

}  // namespace weir::vm::elf
