#pragma once
// Two readings of one map, and what happened in between.

#include <map>
#include <string>
#include <vector>

#include "controlplane/cli/element_field.h"
#include "controlplane/deploy/map_sync.h"
#include "controlplane/telemetry/type_json.h"

namespace weir::controlplane::cli {

/// Key -> value, all slots.
using MapReading = std::map<Bytes, Bytes, KeyLess>;

struct MapChange {
    enum class Kind : uint8_t { Changed, Added, Gone };
    Kind kind = Kind::Changed;
    Bytes key;
    Bytes before, now;                 ///< empty where there was or is none
    std::vector<__int128> difference;  ///< of each summable field of the value, slots summed
};

struct MapChanges {
    double seconds = 0;
    size_t elements = 0;  ///< in the later reading
    size_t changed = 0, added = 0, gone = 0;
    std::vector<MapChange> list;  ///< the largest change first
};

MapChanges changes_between(const dataplane::api::MapInfo& map, const MapReading& before,
                           const MapReading& now, double seconds);

/// A head line and a table: the value now, and per second what it grew by. At most `limit` rows; a
/// last line says how many more there are.
std::string changes_text(const dataplane::api::MapInfo& map, const MapChanges& changes,
                         size_t limit);
/// {"seconds":1.0,"elements":N,"changed":…,"added":…,"gone":…,"changes":[{"change":"changed",
/// "key":…,"value":…,"difference":{"value.packets":7},"rate":{…}}]}
Json changes_json(const dataplane::api::MapInfo& map, const MapChanges& changes, size_t limit);

}  // namespace weir::controlplane::cli
