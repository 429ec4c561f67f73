#pragma once
// Maps that outlive the process. Opening one means: read what the file of that name holds and put
// what is whole of it into a new map in a new file, which takes the name when the map goes into
// service. So whatever happens meanwhile, one of the two is there; and what was half written is
// left behind.

#include <cstdint>
#include <memory>
#include <string>

#include "maps/map_file.h"
#include "maps/salvage.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

struct PersistRequest {
    std::string name;  ///< PROGRAM/MAP: names the file
    uint32_t cpu_slots = 1;
    std::string directory;  ///< made where it is missing, mode 0700
    MemoryPolicy policy;
    /// A file of another definition is kept as PATH.old and the map starts empty; else it is an
    /// error.
    bool fresh_if_changed = false;
    /// Does not look at the file: the map that has it is in service and will be replaced.
    bool starts_empty = false;
};

struct PersistedMap {
    std::unique_ptr<MapFileMemory> memory;  ///< outlives `map`
    std::unique_ptr<vm::Map> map;
    Salvaged salvaged;      ///< what the file held
    bool keep_old = false;  ///< for MapFileMemory::install
};

/// Errors name file and reason, or are those of create_map. Files stay as they are: the caller
/// calls `memory->install(keep_old)` when the map goes into service.
Result<PersistedMap> open_persisted(const vm::MapSpec& spec, const PersistRequest& request);

}  // namespace weir::maps
