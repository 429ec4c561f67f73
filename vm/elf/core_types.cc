// Chains (pointer to pointer to array ...) are loops of at most kChainMax rounds; members and
// parameters recurse at most kLevelMax deep; every round spends from the budget.
#include "vm/elf/core_types.h"

#include "vm/elf/core_spec.h"

namespace weir::vm::elf {

namespace {

constexpr uint32_t kChainMax = 32;
constexpr uint32_t kLevelMax = 32;

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}

std::unexpected<Error> too_deep() {
    return bad("types nested deeper than 32 levels");
}

bool is_enum_kind(uint32_t kind) {
    return kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
}

}  // namespace

std::unexpected<Error> CoreBudget::spent() {
    return bad("comparing its types for CO-RE takes too long");
}

bool CoreTypes::same_kind(uint32_t local, uint32_t target) const {
    const uint32_t local_kind = local_.kind(local), target_kind = target_.kind(target);
    return local_kind == target_kind || (is_enum_kind(local_kind) && is_enum_kind(target_kind));
}

bool CoreTypes::same_name(std::string_view local, std::string_view target) {
    return essential_name(local) == essential_name(target);
}

Result<void> CoreTypes::strip(Pair& pair) const {
    if (!budget_.spend(1)) return CoreBudget::spent();
    const auto local = local_.strip(pair.local);
    const auto target = target_.strip(pair.target);
    if (!local || !target) return bad("a type that does not exist");
    pair.local = *local;
    pair.target = *target;
    return {};
}

/// Integers with an offset inside their storage are bit fields of a kind long gone.
bool CoreTypes::ints_plain(const Pair& pair) const {
    return btf_int_offset(local_.type(pair.local)) == 0 &&
           btf_int_offset(target_.type(pair.target)) == 0;
}

Result<bool> CoreTypes::fields_compatible(uint32_t local, uint32_t target) const {
    Pair pair{local, target};
    for (uint32_t round = 0; round < kChainMax; ++round) {
        if (const auto ok = strip(pair); !ok) return std::unexpected(ok.error());
        const btf_type* ours = local_.type(pair.local);
        const btf_type* theirs = target_.type(pair.target);
        if (ours == nullptr || theirs == nullptr) return false;
        if (btf_is_composite(ours) && btf_is_composite(theirs)) return true;
        if (!same_kind(pair.local, pair.target)) return false;
        switch (btf_kind(ours)) {
            case BTF_KIND_PTR:
            case BTF_KIND_FLOAT: return true;
            case BTF_KIND_FWD:
            case BTF_KIND_ENUM:
            case BTF_KIND_ENUM64: {
                const std::string_view our_name = local_.name(*ours);
                const std::string_view their_name = target_.name(*theirs);
                return our_name.empty() || their_name.empty() || same_name(our_name, their_name);
            }
            case BTF_KIND_INT: return ints_plain(pair);
            case BTF_KIND_ARRAY: pair = {btf_array(ours)->type, btf_array(theirs)->type}; continue;
            default: return false;
        }
    }
    return too_deep();
}

Result<bool> CoreTypes::types_compatible(uint32_t local, uint32_t target) const {
    if (!same_kind(local, target)) return false;
    return compatible({local, target}, kLevelMax);
}

Result<bool> CoreTypes::compatible(Pair pair, uint32_t level) const {
    if (level == 0) return too_deep();
    for (uint32_t round = 0; round < kChainMax; ++round) {
        if (const auto ok = strip(pair); !ok) return std::unexpected(ok.error());
        if (!same_kind(pair.local, pair.target)) return false;
        switch (local_.kind(pair.local)) {
            case BTF_KIND_UNKN:
            case BTF_KIND_STRUCT:
            case BTF_KIND_UNION:
            case BTF_KIND_ENUM:
            case BTF_KIND_ENUM64:
            case BTF_KIND_FWD: return true;
            case BTF_KIND_INT: return ints_plain(pair);
            case BTF_KIND_PTR:
                pair = {local_.type(pair.local)->type, target_.type(pair.target)->type};
                continue;
            case BTF_KIND_ARRAY:
                pair = {btf_array(local_.type(pair.local))->type,
                        btf_array(target_.type(pair.target))->type};
                continue;
            case BTF_KIND_FUNC_PROTO: {
                const auto same = compatible_functions(pair, level);
                if (!same || !*same) return same;
                continue;  // with the type returned
            }
            default: return false;
        }
    }
    return too_deep();
}

Result<bool> CoreTypes::compatible_functions(Pair& pair, uint32_t level) const {
    const btf_type* ours = local_.type(pair.local);
    const btf_type* theirs = target_.type(pair.target);
    if (btf_vlen(ours) != btf_vlen(theirs)) return false;
    for (uint32_t i = 0; i < btf_vlen(ours); ++i) {
        const auto same =
            compatible({btf_params(ours)[i].type, btf_params(theirs)[i].type}, level - 1);
        if (!same || !*same) return same;
    }
    pair = {ours->type, theirs->type};
    return true;
}

Result<bool> CoreTypes::types_match(uint32_t local, uint32_t target) const {
    return match({local, target}, kLevelMax);
}

Result<bool> CoreTypes::match(Pair pair, uint32_t level) const {
    if (level == 0) return too_deep();
    for (uint32_t round = 0; round < kChainMax; ++round) {
        if (const auto ok = strip(pair); !ok) return std::unexpected(ok.error());
        const btf_type* ours = local_.type(pair.local);
        const btf_type* theirs = target_.type(pair.target);
        if (ours == nullptr || theirs == nullptr) return ours == theirs;  // void with void
        if (!same_name(local_.name(*ours), target_.name(*theirs))) return false;
        const uint32_t kind = btf_kind(ours);
        if (kind == BTF_KIND_FWD) return match_forward(pair);
        if (is_enum_kind(kind)) return match_enums(pair);
        if (kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION) return match_composites(pair, level);
        if (kind != btf_kind(theirs)) return false;
        switch (kind) {
            case BTF_KIND_INT:
                return ours->size == theirs->size && ((btf_int_encoding(ours) & BTF_INT_SIGNED) ==
                                                      (btf_int_encoding(theirs) & BTF_INT_SIGNED));
            case BTF_KIND_PTR: pair = {ours->type, theirs->type, true}; continue;
            case BTF_KIND_ARRAY:
                if (btf_array(ours)->nelems != btf_array(theirs)->nelems) return false;
                pair.local = btf_array(ours)->type;
                pair.target = btf_array(theirs)->type;
                continue;
            case BTF_KIND_FUNC_PROTO: {
                const auto same = match_functions(pair, level);
                if (!same || !*same) return same;
                continue;  // with the type returned
            }
            default: return false;
        }
    }
    return too_deep();
}

Result<bool> CoreTypes::match_functions(Pair& pair, uint32_t level) const {
    const btf_type* ours = local_.type(pair.local);
    const btf_type* theirs = target_.type(pair.target);
    if (btf_vlen(ours) != btf_vlen(theirs)) return false;
    for (uint32_t i = 0; i < btf_vlen(ours); ++i) {
        const Pair parameters{btf_params(ours)[i].type, btf_params(theirs)[i].type,
                              pair.behind_pointer};
        const auto same = match(parameters, level - 1);
        if (!same || !*same) return same;
    }
    pair.local = ours->type;
    pair.target = theirs->type;
    return true;
}

/// A forward declaration matches one of its own kind, and behind a pointer what it declares.
bool CoreTypes::match_forward(const Pair& pair) const {
    const btf_type* theirs = target_.type(pair.target);
    const bool is_union = btf_kflag(local_.type(pair.local));
    if (btf_is_fwd(theirs)) return is_union == btf_kflag(theirs);
    return pair.behind_pointer && btf_kind(theirs) == (is_union ? BTF_KIND_UNION : BTF_KIND_STRUCT);
}

Result<bool> CoreTypes::match_enums(const Pair& pair) const {
    const btf_type* ours = local_.type(pair.local);
    const btf_type* theirs = target_.type(pair.target);
    if (!btf_is_any_enum(theirs) || ours->size != theirs->size) return false;
    if (btf_vlen(ours) > btf_vlen(theirs)) return false;
    for (uint32_t i = 0; i < btf_vlen(ours); ++i) {
        const std::string_view name = enumerator_name(local_, *ours, i);
        bool found = false;
        for (uint32_t j = 0; j < btf_vlen(theirs) && !found; ++j) {
            if (!budget_.spend(1)) return CoreBudget::spent();
            found = same_name(name, enumerator_name(target_, *theirs, j));
        }
        if (!found) return false;
    }
    return true;
}

Result<bool> CoreTypes::match_composites(const Pair& pair, uint32_t level) const {
    const btf_type* ours = local_.type(pair.local);
    const btf_type* theirs = target_.type(pair.target);
    if (btf_kind(ours) == btf_kind(theirs))
        return pair.behind_pointer ? Result<bool>(true) : match_members(pair, level);
    return pair.behind_pointer && btf_is_fwd(theirs) && btf_is_union(ours) == btf_kflag(theirs);
}

Result<bool> CoreTypes::match_members(const Pair& pair, uint32_t level) const {
    const btf_type* ours = local_.type(pair.local);
    const btf_type* theirs = target_.type(pair.target);
    if (btf_vlen(ours) > btf_vlen(theirs)) return false;
    for (uint32_t i = 0; i < btf_vlen(ours); ++i) {
        const btf_member& member = btf_members(ours)[i];
        bool found = false;
        for (uint32_t j = 0; j < btf_vlen(theirs) && !found; ++j) {
            const btf_member& other = btf_members(theirs)[j];
            if (!budget_.spend(1)) return CoreBudget::spent();
            if (!same_name(local_.text(member.name_off), target_.text(other.name_off))) continue;
            const auto same = match({member.type, other.type}, level - 1);
            if (!same) return same;
            found = *same;
        }
        if (!found) return false;
    }
    return true;
}

}  // namespace weir::vm::elf
