#pragma once
// Makes a policy map hold exactly what the configuration says, so that it can be taken back.

#include <cstring>
#include <vector>

#include "dataplane/api/client.h"

namespace weir::controlplane {

/// Keys of one map by their bytes; all have one size.
struct KeyLess {
    bool operator()(const Bytes& a, const Bytes& b) const {
        if (a.size() != b.size()) return a.size() < b.size();
        return !a.empty() && std::memcmp(a.data(), b.data(), a.size()) < 0;
    }
};

/// What a map that already carried traffic held where it was changed.
struct MapUndo {
    dataplane::api::Handle map = 0;
    std::vector<dataplane::api::Element> restore;  ///< changed or erased elements, as they were
    std::vector<Bytes> erase;                      ///< keys that were not there
};

/// `contents` sorted by key. Adds and changes first, then erases, so that no prefix is missing in
/// between. `undo` is filled in also on error. Elements that are as they should be are not touched.
Result<void> sync_map(dataplane::api::Client& client, dataplane::api::Handle map,
                      const std::vector<dataplane::api::Element>& contents, MapUndo& undo);
Result<void> undo_sync(dataplane::api::Client& client, const MapUndo& undo);

/// All elements of a map.
Result<std::vector<dataplane::api::Element>> dump_map(dataplane::api::Client& client,
                                                      dataplane::api::Handle map,
                                                      uint32_t elements_max);

}  // namespace weir::controlplane
