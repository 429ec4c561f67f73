#pragma once
// The commands on one map's elements. Errors name map and element.

#include <functional>

#include "dataplane/api/frame.h"
#include "dataplane/registry.h"

namespace weir::dataplane {

/// One reply holds about this much; a larger dump goes on in the next frame.
constexpr size_t kDumpBytesMax = 4u << 20;

Result<api::MapLookupReply> lookup_element(LoadedMap& map, const Bytes& key);
/// Runs a write, on whatever thread may do it; an error says that it did not run.
using Writer = std::function<Result<void>(const std::function<void()>& write)>;
/// Elements that one call of a Writer writes, where each takes its value's lock.
constexpr size_t kLockedWritesMax = 8;

/// On error the elements before the failing one are written. Writes that take a value's spin lock
/// (BPF_F_LOCK) go through `locked_writer`, a few at a time: a worker that wants the lock waits for
/// whoever has it, so it must not be a thread that can lose its CPU to others.
Result<api::MapCount> update_elements(LoadedMap& map, const api::MapUpdate& request,
                                      const Writer& locked_writer);
/// The same for records (api::MapFill). Records that are not whole are refused before any is
/// written.
Result<api::MapCount> fill_elements(LoadedMap& map, const api::MapFill& request,
                                    const Writer& locked_writer);
/// Keys that are not there are not counted and no error.
Result<api::MapCount> erase_elements(LoadedMap& map, const std::vector<Bytes>& keys);
Result<api::MapElements> dump_elements(LoadedMap& map, const api::MapDump& request);
api::MapInfo describe_map(const LoadedMap& map, uint32_t cpu_slots);

}  // namespace weir::dataplane
