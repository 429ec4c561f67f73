#pragma once
// BTF types -> TypeInfo trees, for printing and parsing keys and values.

#include <cstdint>
#include <unordered_map>

#include "vm/elf/btf_view.h"
#include "vm/program/type_info.h"

namespace weir::vm::elf {

constexpr size_t kTypeNodesMax = 20'000;     ///< per object; types beyond become Opaque
constexpr size_t kTypeMembersMax = 100'000;  ///< members and enumerators, likewise

/// One per object: types that appear twice at one depth share a tree. The view must outlive it.
class TypeTrees {
public:
    explicit TypeTrees(const BtfView& btf) : btf_(btf) {}

    /// Never null for an id that exists; null for void and unknown ids.
    TypeRef tree_of(uint32_t id) { return build(id, 0); }

private:
    TypeRef build(uint32_t id, uint32_t depth);
    void fill(TypeInfo& info, uint32_t id, uint32_t depth);
    void fill_members(TypeInfo& info, const btf_type& type, uint32_t depth);
    void fill_enum(TypeInfo& info, const btf_type& type);

    const BtfView& btf_;
    std::unordered_map<uint64_t, TypeRef> done_;  ///< by depth and id
    size_t nodes_ = 0;
    size_t members_ = 0;
};

}  // namespace weir::vm::elf
