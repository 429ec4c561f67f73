#pragma once
// Whole contents of maps, replaced in one step: filled into pending maps beside the running ones,
// which take their place under the programs. Every packet sees all old contents or all new ones.

#include <string>
#include <vector>

#include "dataplane/api/client.h"

namespace weir::controlplane {

struct NewContents {
    dataplane::api::MapInfo map;  ///< as the dataplane lists it
    Bytes records;                ///< key and value back to back, as Client::fill takes them
    std::vector<dataplane::api::Element> elements;  ///< more of them: per-CPU values, slot by slot
};

/// On an error nothing has changed, and what was filled goes away with the client's connection.
/// More records than max_entries, or records that are not whole, are refused before anything is
/// made.
Result<dataplane::api::Published> replace_contents(dataplane::api::Client& client,
                                                   const std::vector<NewContents>& contents);

/// Bytes of one record of this map.
uint32_t record_bytes(const vm::MapSpec& spec);

}  // namespace weir::controlplane
