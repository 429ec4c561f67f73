#pragma once
// What definitions of maps differ in, and what they do not allow, in words for people.

#include <string>
#include <vector>

#include "vm/program/spec.h"

namespace weir::vm {

/// "value_bytes 8 -> 16, max_entries 10 -> 20"; empty where before.same_definition(after).
std::string definition_difference(const MapSpec& before, const MapSpec& after);

/// map_flags by their names ("no_prealloc"); what has none is hex at the end.
std::vector<std::string> map_flag_names(uint32_t flags);

/// Why a map like this cannot be a file that outlives its process; empty where it can.
std::string persist_refusal(const MapSpec& spec);

}  // namespace weir::vm
