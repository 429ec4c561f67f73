#pragma once
// Maps that are full or lose something, in words for whoever runs the node.

#include <string>
#include <vector>

#include "dataplane/api/messages.h"

namespace weir::controlplane {

/// What was lost since the map was made and what is about to be, each with the number and what to
/// raise. Evictions of an LRU map are its purpose, and none of these.
std::vector<std::string> map_warnings(const dataplane::api::MapInfo& map);

}  // namespace weir::controlplane
