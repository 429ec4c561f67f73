#pragma once
// Maps themselves, for people.

#include <string>

#include "controlplane/cli/map_client.h"

namespace weir::controlplane::cli {

/// A table of the documents that the node lists, and below it their warnings.
std::string map_list_text(const Json& maps);
/// Everything about one.
std::string map_show_text(const NodeMap& map);

}  // namespace weir::controlplane::cli
