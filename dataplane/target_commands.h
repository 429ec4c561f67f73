#pragma once
// Entries of devmaps and cpumaps, as the control side writes them.

#include <span>

#include "dataplane/api/frame.h"
#include "dataplane/registry.h"

namespace weir::dataplane {

/// As update_elements. An ifindex that none of `ports` has is refused, and they are named. A value
/// of 8 bytes holds the handle of a program behind its number, or 0.
Result<api::MapCount> update_targets(Registry& registry, LoadedMap& map,
                                     std::span<const api::Element> elements, uint64_t flags,
                                     std::span<const api::PortConfig> ports);
/// The same for records.
Result<api::MapCount> fill_targets(Registry& registry, LoadedMap& map, const api::MapFill& request,
                                   std::span<const api::PortConfig> ports);

}  // namespace weir::dataplane
