#pragma once
// Helpers that need no map: packet, checksum, time, random, strings. Results and error codes are
// the kernel's (net/core/filter.c, kernel/bpf/helpers.c).

#include "vm/program/run.h"

namespace weir::vm {

/// Writes the entries of the helpers that live here.
void add_base_helpers(HelperTable& table);

}  // namespace weir::vm
