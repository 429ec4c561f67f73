#pragma once
// What makes two maps' definitions different, in words for people.

#include <string>

#include "vm/program/spec.h"

namespace weir::vm {

/// "value_bytes 8 -> 16, max_entries 10 -> 20"; empty where before.same_definition(after).
std::string definition_difference(const MapSpec& before, const MapSpec& after);

}  // namespace weir::vm
