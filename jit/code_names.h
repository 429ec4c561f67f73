#pragma once
// What the addresses in a program's machine code mean, for listings.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/spec.h"

namespace weir::jit {

/// Bytes [address, address + bytes) are `name`.
struct CodeName {
    uint64_t address = 0;
    uint64_t bytes = 1;
    std::string name;
};

/// Helpers ("bpf_ktime_get_ns"), maps ("map[flows]"), their look-ups ("hash_lookup") and elements
/// ("map[.bss].value"), sorted by address. `maps` stand behind program.maps.
std::vector<CodeName> code_names(const vm::ProgramSpec& program, std::span<vm::Map* const> maps,
                                 const vm::HelperTable& helpers);

/// "map[.bss].value+0x8"; "" for what has no name.
std::string name_of(std::span<const CodeName> names, uint64_t address);

}  // namespace weir::jit
