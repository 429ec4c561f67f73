#pragma once
// Global variables by name: where they are, and setting them before load (--global NAME=VALUE).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vm/elf/map_table.h"

namespace weir::vm::elf {

constexpr size_t kVariablesMax = 65'536;  ///< per section: what BTF can count

struct Variable {
    std::string_view name;
    uint32_t offset = 0;  ///< in its section
    uint32_t bytes = 0;
    uint32_t type = 0;  ///< BTF id
};

/// Variables that BTF and the symbol table both know, sorted by offset, each inside the section.
std::vector<Variable> variables_of(const Object& object, const Section& section);

/// Writes LoadOptions::globals into the map of this section; counts what each name set.
Result<void> apply_globals(const Object& object, const Section& section, MapSpec& map,
                           std::map<std::string, uint32_t>& set_count);

}  // namespace weir::vm::elf
