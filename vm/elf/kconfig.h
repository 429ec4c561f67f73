#pragma once
// The variables of `.kconfig`: facts about the kernel that an object asks for, kept in a map of
// constants that is called so (the rules of libbpf's libbpf.c).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/elf/kernel_config.h"
#include "vm/elf/map_table.h"

namespace weir::vm::elf {

struct KconfigVariable {
    std::string_view name;
    uint32_t type = 0;  ///< BTF id
    bool is_weak = false;
    uint32_t offset = 0;  ///< in the map, filled in by make_kconfig_map
    std::string missing;  ///< why no value can be given; empty: there is one
};

/// Lays the variables out as libbpf does, gives each its value, and returns the map. Weak variables
/// that the configuration does not have are 0.
Result<MapSpec> make_kconfig_map(const Object& object, std::vector<KconfigVariable>& variables);

/// The bytes of a variable of this type whose configuration says `value`; as many as the type has.
Result<Bytes> kconfig_value(const TypeInfo& type, std::string_view value);

}  // namespace weir::vm::elf
