#pragma once
// Maps that outlive the process. Opening one means: read what the file of that name holds, put what
// is whole of it into a new map in a new file, and let that take the old one's place. So whatever
// happens meanwhile, one of the two is there; and what was half written is left behind.

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
};

class PersistedMap {
public:
    vm::Map& map() { return *map_; }
    /// What the file held.
    const Salvaged& salvaged() const { return salvaged_; }
    bool is_new() const { return is_new_; }  ///< there was no such file, or it was set aside
    const std::string& path() const { return memory_->path(); }

private:
    friend Result<PersistedMap> open_persisted(const vm::MapSpec& spec, const PersistRequest&);

    std::unique_ptr<MapFileMemory> memory_;  ///< outlives map_
    std::unique_ptr<vm::Map> map_;
    Salvaged salvaged_;
    bool is_new_ = true;
};

/// Why a map like this cannot be a file; empty where it can.
std::string persist_refusal(const vm::MapSpec& spec);

/// Errors name file and reason, or are those of create_map; then files are as they were.
Result<PersistedMap> open_persisted(const vm::MapSpec& spec, const PersistRequest& request);

}  // namespace weir::maps
