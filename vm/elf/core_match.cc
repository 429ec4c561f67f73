// A member is looked for among the members of the target's struct and, where those have no name, in
// the structs and unions that they are. The first one of the right name decides.
#include "vm/elf/core_match.h"

namespace weir::vm::elf {

namespace {

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

}  // namespace

Result<std::optional<CoreSpec>> CoreMatcher::match(const CoreSpec& spec, uint32_t id) const {
    CoreSpec found{.kind = spec.kind, .root = id};
    Result<bool> same = false;
    if (spec.kind == CoreKind::TypeMatches)
        same = types_.types_match(spec.root, id);
    else if (is_type_kind(spec.kind))
        same = types_.types_compatible(spec.root, id);
    else if (is_enumval_kind(spec.kind))
        same = match_enumerator(spec, id, found);
    else
        same = match_path(spec, id, found);
    if (!same) return std::unexpected(same.error());
    if (!*same) return std::optional<CoreSpec>{};
    return found;
}

Result<bool> CoreMatcher::match_enumerator(const CoreSpec& spec, uint32_t id,
                                           CoreSpec& found) const {
    const uint32_t plain = target_.resolve(id);
    const btf_type* type = target_.type(plain);
    if (type == nullptr || !btf_is_any_enum(type)) return false;
    const std::string_view wanted = spec.steps.front().name;
    for (uint32_t i = 0; i < btf_vlen(type); ++i) {
        if (!budget_.spend(1)) return CoreBudget::spent();
        const std::string_view name = enumerator_name(target_, *type, i);
        if (!CoreTypes::same_name(wanted, name)) continue;
        found.steps.push_back({plain, i, name});
        found.path.push_back(i);
        return true;
    }
    return false;
}

Result<bool> CoreMatcher::match_path(const CoreSpec& spec, uint32_t id, CoreSpec& found) const {
    for (size_t i = 0; i < spec.steps.size(); ++i) {
        const CoreStep& step = spec.steps[i];
        const auto plain = target_.strip(id);
        if (!plain) return bad("a type that does not exist");
        id = *plain;
        const auto same = step.name.empty() ? match_element(step.index, i == 0, id, found)
                                            : match_member(step, id, found);
        if (!same || !*same) return same;
    }
    return true;
}

Result<bool> CoreMatcher::match_element(uint32_t index, bool is_root, uint32_t& id,
                                        CoreSpec& found) const {
    if (!is_root) {
        const btf_type* type = target_.type(id);
        if (type == nullptr || !btf_is_array(type)) return false;
        const struct btf_array& array = *btf_array(type);
        if (!is_flexible_array(target_, found.steps.back(), array) && index >= array.nelems)
            return false;
        const auto element = target_.strip(array.type);
        if (!element) return bad("a type that does not exist");
        id = *element;
    }
    if (found.path.size() == kCorePathMax) return bad("types nested deeper than 64 levels");
    found.path.push_back(index);
    if (const auto ok = add_element(target_, found, id, index); !ok)
        return std::unexpected(ok.error());
    return true;
}

Result<bool> CoreMatcher::match_member(const CoreStep& step, uint32_t& id, CoreSpec& found) const {
    const uint32_t owner = target_.resolve(id);
    const btf_type* type = target_.type(owner);
    if (type == nullptr || !btf_is_composite(type)) return false;
    const btf_member& wanted = btf_members(local_.type(step.type))[step.index];
    for (uint32_t i = 0; i < btf_vlen(type); ++i) {
        if (!budget_.spend(1)) return CoreBudget::spent();
        if (found.path.size() == kCorePathMax) return bad("types nested deeper than 64 levels");
        const btf_member& member = btf_members(type)[i];
        const std::string_view name = target_.text(member.name_off);
        if (!name.empty() && name != step.name) continue;
        const uint64_t offset_before = found.bit_offset;
        const size_t path_before = found.path.size(), steps_before = found.steps.size();
        found.path.push_back(i);
        found.bit_offset += btf_member_bit_offset(type, i);
        if (!name.empty()) {
            found.steps.push_back({owner, i, name});
            id = member.type;
            return types_.fields_compatible(wanted.type, member.type);
        }
        uint32_t inner = member.type;
        const auto same = match_member(step, inner, found);
        if (!same || *same) {
            id = inner;
            return same;
        }
        found.path.resize(path_before);
        found.steps.resize(steps_before);
        found.bit_offset = offset_before;
    }
    return false;
}

}  // namespace weir::vm::elf
