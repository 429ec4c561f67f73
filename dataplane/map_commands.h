#pragma once
// The commands on one map's elements. Errors name map and element.

#include "dataplane/api/frame.h"
#include "dataplane/registry.h"

namespace weir::dataplane {

/// One reply holds about this much; a larger dump goes on in the next frame.
constexpr size_t kDumpBytesMax = 4u << 20;

Result<api::MapLookupReply> lookup_element(LoadedMap& map, const Bytes& key);
/// On error the elements before the failing one are written.
Result<api::MapCount> update_elements(LoadedMap& map, const api::MapUpdate& request);
/// Keys that are not there are not counted and no error.
Result<api::MapCount> erase_elements(LoadedMap& map, const std::vector<Bytes>& keys);
Result<api::MapElements> dump_elements(LoadedMap& map, const api::MapDump& request);
api::MapInfo describe_map(const LoadedMap& map, uint32_t cpu_slots);

}  // namespace weir::dataplane
