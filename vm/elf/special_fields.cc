#include "vm/elf/special_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kUnsupported, std::move(message));
}

struct Special {
    std::string_view name;
    uint32_t bytes;
    uint32_t alignment;
    uint32_t MapSpec::* offset;
};
constexpr auto kSpecial = std::to_array<Special>({
    {"bpf_spin_lock", 4, 4, &MapSpec::spin_lock_offset},
    {"bpf_timer", 16, 8, &MapSpec::timer_offset},
});

/// Kept in values by the kernel alone, which no program here can use.
constexpr auto kNotOffered = std::to_array<std::string_view>(
    {"bpf_wq", "bpf_list_head", "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_refcount",
     "bpf_res_spin_lock", "bpf_task_work"});

bool may_hold(MapType type, const Special& special) {
    if (type == MapType::Hash || type == MapType::Array) return true;
    return type == MapType::LruHash && special.offset == &MapSpec::timer_offset;
}

class Search {
public:
    Search(const BtfView& btf, MapSpec& map) : btf_(btf), map_(map) {}

    Result<void> look_at(uint32_t id, uint64_t offset, bool in_array, uint32_t depth) {
        if (++looked_at_ > kFieldsMax || depth > kFieldDepthMax) return {};
        const uint32_t plain = btf_.resolve(id);
        const btf_type* type = btf_.type(plain);
        if (type == nullptr) return {};
        if (btf_is_array(type)) return look_at(btf_array(type)->type, offset, true, depth + 1);
        if (!btf_is_struct(type)) return {};
        const std::string_view name = btf_.name(*type);
        if (std::ranges::find(kNotOffered, name) != kNotOffered.end())
            return bad(fmt::format("a struct {} in its value, which is not offered", name));
        const auto special = std::ranges::find(kSpecial, name, &Special::name);
        if (special != kSpecial.end()) return take(*special, *type, offset, in_array);
        for (uint32_t i = 0; i < btf_vlen(type); ++i) {
            if (btf_member_bitfield_size(type, i) != 0) continue;
            const auto ok =
                look_at(btf_members(type)[i].type, offset + btf_member_bit_offset(type, i) / 8,
                        in_array, depth + 1);
            if (!ok) return ok;
        }
        return {};
    }

private:
    Result<void> take(const Special& special, const btf_type& type, uint64_t offset,
                      bool in_array) {
        if (type.size != special.bytes)
            return bad(fmt::format("a struct {} of {} bytes, expected {}", special.name, type.size,
                                   special.bytes));
        if (in_array)
            return bad(fmt::format("a struct {} inside an array of its value", special.name));
        if (map_.*special.offset != kNoOffset)
            return bad(fmt::format("two structs {} in its value, at most one", special.name));
        if (offset % special.alignment != 0 || offset + special.bytes > map_.value_bytes)
            return bad(fmt::format("a struct {} at {} in its value of {} bytes, not aligned to {}",
                                   special.name, offset, map_.value_bytes, special.alignment));
        if (!may_hold(map_.type, special))
            return bad(fmt::format("a struct {} in a map of type {}, which cannot have one",
                                   special.name, map_type_name(map_.type)));
        map_.*special.offset = static_cast<uint32_t>(offset);
        return {};
    }

    const BtfView& btf_;
    MapSpec& map_;
    uint32_t looked_at_ = 0;
};

}  // namespace

Result<void> find_special_fields(const BtfView& btf, uint32_t value_type, uint32_t start,
                                 MapSpec& map) {
    return Search(btf, map).look_at(value_type, start, false, 0);
}

}  // namespace weir::vm::elf
