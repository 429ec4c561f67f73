#include "vm/elf/contracts.h"

#include <set>

namespace weir::vm::elf {
namespace {

constexpr uint32_t kNumberBytesMax = 8;

std::string_view context_name(ProgramType type) {
    return type == ProgramType::Xdp ? "xdp_md" : "__sk_buff";
}

bool is_number(const BtfView& btf, uint32_t id) {
    const uint32_t kind = btf.kind(id);
    if (kind != BTF_KIND_INT && kind != BTF_KIND_ENUM && kind != BTF_KIND_ENUM64) return false;
    const auto bytes = btf.size_of(id);
    return bytes && *bytes <= kNumberBytesMax;
}

std::optional<Argument> argument_of(const BtfView& btf, uint32_t declared, ProgramType type) {
    const uint32_t id = btf.resolve(declared);
    if (is_number(btf, id)) return Argument{ArgumentKind::Number, 0};
    if (btf.kind(id) != BTF_KIND_PTR) return std::nullopt;
    const uint32_t target = btf.resolve(btf.type(id)->type);
    const bool is_struct = btf.kind(target) == BTF_KIND_STRUCT;
    if (is_struct && btf.name(*btf.type(target)) == context_name(type))
        return Argument{ArgumentKind::Context, 0};
    const auto bytes = btf.size_of(target);
    if (!bytes || *bytes == 0) return std::nullopt;
    return Argument{ArgumentKind::Memory, *bytes};
}

}  // namespace

ContractTable::ContractTable(const BtfView& btf) : btf_(btf) {
    std::set<uint32_t> tagged;
    for (uint32_t id = 1; id <= btf.type_count(); ++id)
        if (btf.kind(id) == BTF_KIND_DECL_TAG && btf_decl_tag(btf.type(id))->component_idx >= 0)
            tagged.insert(btf.type(id)->type);
    for (uint32_t id = 1; id <= btf.type_count(); ++id) {
        const btf_type* const type = btf.type(id);
        const bool is_global = btf.kind(id) == BTF_KIND_FUNC && btf_vlen(type) == BTF_FUNC_GLOBAL;
        if (is_global && !tagged.contains(id)) prototypes_[btf.name(*type)] = type->type;
    }
}

std::optional<Contract> ContractTable::of(std::string_view function, ProgramType type) const {
    const auto found = prototypes_.find(function);
    if (found == prototypes_.end() || btf_.kind(found->second) != BTF_KIND_FUNC_PROTO)
        return std::nullopt;
    const btf_type* const prototype = btf_.type(found->second);
    const uint16_t count = btf_vlen(prototype);
    if (count > Contract::kArgumentsMax) return std::nullopt;
    Contract contract;
    const std::optional<uint32_t> result = btf_.strip(prototype->type);
    if (!result || (*result != 0 && !is_number(btf_, *result))) return std::nullopt;
    contract.returns_number = *result != 0;
    for (uint16_t i = 0; i < count; ++i) {
        const auto argument = argument_of(btf_, btf_params(prototype)[i].type, type);
        if (!argument) return std::nullopt;
        contract.arguments.push_back(*argument);
    }
    return contract;
}

}  // namespace weir::vm::elf
