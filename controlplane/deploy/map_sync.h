#pragma once
// Makes a map hold what the configuration says, beside what others put there, so that it can be
// taken back.

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
    bool erase_first = false;                      ///< both together would not fit into the map
    std::vector<dataplane::api::Element> restore;  ///< changed or erased elements, as they were
    std::vector<Bytes> erase;                      ///< keys that were not there
};

/// Puts `contents` (sorted by key, each once) into the map, and erases those keys of `owned` (what
/// the configuration before put there; sorted by key) that are not in `contents`. Other elements
/// are somebody else's and stay. Adds and changes first, then erases, so that no prefix is missing
/// in between; the other way round only where both together exceed `entries_max`. What does not fit
/// is kResource before anything is changed. `undo` is filled in also on error.
Result<void> sync_map(dataplane::api::Client& client, dataplane::api::Handle map,
                      const std::vector<dataplane::api::Element>& contents,
                      const std::vector<Bytes>& owned, uint32_t entries_max, MapUndo& undo);
/// Elements that were there come back with their value, in the order that fits. Those that were
/// somebody else's and were taken over stay in what a replay restores.
Result<void> undo_sync(dataplane::api::Client& client, const MapUndo& undo);

/// Adds or changes elements, as many as there are.
Result<void> update_in_batches(dataplane::api::Client& client, dataplane::api::Handle map,
                               const std::vector<dataplane::api::Element>& elements,
                               bool is_policy);

/// All elements of a map.
Result<std::vector<dataplane::api::Element>> dump_map(dataplane::api::Client& client,
                                                      dataplane::api::Handle map,
                                                      uint32_t elements_max);

}  // namespace weir::controlplane
