#pragma once
// A map of the running node: what it is, its elements page by page, and writing them.

#include <functional>

#include "controlplane/cli/element_file.h"
#include "controlplane/cli/node_client.h"

namespace weir::controlplane::cli {

/// What the node says of a map: its document, and of that what elements need.
struct NodeMap {
    Json document;
    dataplane::api::MapInfo info;
};

/// "/maps/NAME", escaped.
std::string map_target(const std::string& name);
/// The map of that name; without one, the one called NAME.
Result<NodeMap> ask_map(const Parsed& parsed, const std::string& name);
Result<NodeMap> ask_map(const Parsed& parsed);

/// Those of the words KEY whose bytes, `keys`, are in `hex_list`, as they were typed.
std::string typed_keys_in(const Parsed& parsed, const std::vector<Bytes>& keys,
                          const Json& hex_list);

/// Called per element; false ends the visit.
using ElementVisitor = std::function<bool(ByteSpan key, ByteSpan value)>;
Result<void> for_each_element(const Parsed& parsed, const dataplane::api::MapInfo& map,
                              const ElementVisitor& visit);

/// Writes all records, in batches; how many. On an error the message says how many were written
/// before.
Result<uint64_t> put_records(const Parsed& parsed, const dataplane::api::MapInfo& map,
                             const ElementRecords& records, uint64_t flags);
struct MapRecords {
    dataplane::api::MapInfo map;
    ElementRecords records;
};
/// The records become the maps' whole contents, all in one step: the node's answer.
Result<Json> replace_contents(const Parsed& parsed, const std::vector<MapRecords>& contents);

}  // namespace weir::controlplane::cli
