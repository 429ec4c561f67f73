#include "vm/elf/externs.h"

#include <elf.h>
#include <fmt/format.h>

#include <unordered_set>

#include "vm/elf/core_spec.h"
#include "vm/elf/kconfig.h"
#include "vm/isa/helper_info.h"

namespace weir::vm::elf {

namespace {

/// Flavors of a kernel function ("bpf_foo___new") are the function.
Extern function_named(std::string_view name) {
    Extern found{.kind = ExternKind::Function};
    const HelperInfo* info = kfunc_by_name(essential_name(name));
    if (info == nullptr)
        found.missing = fmt::format("kfunc {} is not offered", essential_name(name));
    else
        found.kfunc = static_cast<int32_t>(info->id);
    return found;
}

std::unordered_set<std::string_view> weak_symbols(const ElfFile& file) {
    std::unordered_set<std::string_view> names;
    for (const Symbol& symbol : file.symbols())
        if (symbol.section == SHN_UNDEF && symbol.binding == STB_WEAK) names.insert(symbol.name);
    return names;
}

}  // namespace

Result<void> ExternTable::check_room() const {
    if (externs_.size() <= kExternsMax) return {};
    return fail(ErrorKind::kInvalid, fmt::format("more than {} external symbols", kExternsMax));
}

Result<void> ExternTable::read_config(const Object& object, MapTable& table) {
    const btf_type* declared = object.btf.data_section(".kconfig");
    if (declared == nullptr) return {};
    const auto weak = weak_symbols(object.file);
    std::vector<KconfigVariable> variables;
    for (uint32_t i = 0; i < btf_vlen(declared); ++i) {
        const btf_type* variable = object.btf.type(btf_var_secinfos(declared)[i].type);
        if (variable == nullptr || !btf_is_var(variable)) continue;
        const std::string_view name = object.btf.name(*variable);
        variables.push_back({.name = name, .type = variable->type, .is_weak = weak.contains(name)});
    }
    auto map = make_kconfig_map(object, variables);
    if (!map) return std::unexpected(map.error());
    for (KconfigVariable& variable : variables) {
        std::string missing;
        if (!variable.missing.empty())
            missing = fmt::format("\"{}\" of .kconfig: {}", variable.name, variable.missing);
        externs_.emplace(variable.name, Extern{.kind = ExternKind::Config,
                                               .offset = variable.offset,
                                               .missing = std::move(missing)});
    }
    config_map_ = static_cast<uint32_t>(table.maps.size());
    return table.add_unplaced(std::move(*map));
}

Result<void> ExternTable::read_kernel_symbols(const Object& object) {
    const btf_type* declared = object.btf.data_section(".ksyms");
    if (declared == nullptr) return {};
    for (uint32_t i = 0; i < btf_vlen(declared); ++i) {
        const btf_type* symbol = object.btf.type(btf_var_secinfos(declared)[i].type);
        if (symbol == nullptr) continue;
        const std::string_view name = object.btf.name(*symbol);
        if (btf_is_func(symbol))
            externs_.emplace(name, function_named(name));
        else
            externs_.emplace(name, Extern{.kind = ExternKind::Variable,
                                          .missing = fmt::format(
                                              "kernel variable \"{}\" is not offered", name)});
    }
    return check_room();
}

Result<ExternTable> ExternTable::read(const Object& object, MapTable& table) {
    ExternTable externs;
    if (const auto ok = externs.read_config(object, table); !ok) return std::unexpected(ok.error());
    if (const auto ok = externs.read_kernel_symbols(object); !ok)
        return std::unexpected(ok.error());
    return externs;
}

Extern ExternTable::find(std::string_view name) const {
    const auto found = externs_.find(name);
    return found == externs_.end() ? function_named(name) : found->second;
}

}  // namespace weir::vm::elf
