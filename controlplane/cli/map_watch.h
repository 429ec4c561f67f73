#pragma once
// weir map dump --watch

#include "controlplane/cli/map_client.h"
#include "controlplane/cli/map_filter.h"

namespace weir::controlplane::cli {

struct WatchOptions {
    double seconds = 1;
    size_t rows_max = 20;  ///< of one block
};

/// Reads the map again and again and prints what changed, one block or JSON line an interval. Ends
/// with kExitDone on SIGINT, SIGTERM, or when nobody reads stdout any more.
int watch_map(const Parsed& parsed, const dataplane::api::MapInfo& map, const MapFilter& filter,
              const WatchOptions& options);

}  // namespace weir::controlplane::cli
