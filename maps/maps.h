#pragma once
// Making maps of every kind, and the helpers that programs reach them by.

#include <cstdint>
#include <memory>

#include "maps/memory.h"
#include "vm/base/result.h"
#include "vm/program/map.h"
#include "vm/program/run.h"

namespace weir::maps {

/// `cpu_slots` slots in per-CPU kinds: one per worker that may ever be (1..kWorkersMax). All memory
/// is taken here. Threads that run programs over the maps register as readers (maps/reclaim.h).
/// Refuses with the reason what the kernel refuses (key sizes, entries_max 0, flags), maps above
/// kMapBytesMax (maps/region.h) or the memory there is, and kinds that are not offered
/// (ErrorKind::kUnsupported).
Result<std::unique_ptr<vm::Map>> create_map(const vm::MapSpec& spec, uint32_t cpu_slots,
                                            MapMemory& memory);
/// In anonymous memory of the kernel's choice.
Result<std::unique_ptr<vm::Map>> create_map(const vm::MapSpec& spec, uint32_t cpu_slots);

/// Writes the entries of the map helpers.
void add_map_helpers(vm::HelperTable& table);

/// add_base_helpers and add_map_helpers.
const vm::HelperTable& all_helpers();

}  // namespace weir::maps
