#pragma once
// CO-RE: the path of an access through the object's types -> the same path through a type of the
// target, found by the names of members.

#include <optional>

#include "vm/elf/core_spec.h"
#include "vm/elf/core_types.h"

namespace weir::vm::elf {

class CoreMatcher {
public:
    CoreMatcher(const BtfView& local, const BtfView& target, CoreBudget& budget)
        : local_(local), target_(target), types_(local, target, budget), budget_(budget) {}

    /// The spec in terms of the target's type `id`; nullopt where the type has no such member,
    /// element or enumerator, or one of another kind.
    Result<std::optional<CoreSpec>> match(const CoreSpec& spec, uint32_t id) const;

private:
    Result<bool> match_enumerator(const CoreSpec& spec, uint32_t id, CoreSpec& found) const;
    Result<bool> match_path(const CoreSpec& spec, uint32_t id, CoreSpec& found) const;
    Result<bool> match_element(uint32_t index, bool is_root, uint32_t& id, CoreSpec& found) const;
    Result<bool> match_member(const CoreStep& step, uint32_t& id, CoreSpec& found) const;

    const BtfView& local_;
    const BtfView& target_;
    CoreTypes types_;
    CoreBudget& budget_;
};

}  // namespace weir::vm::elf
