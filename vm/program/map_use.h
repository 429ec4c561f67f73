#pragma once
// Which helper works on which kind of map: check_map_func_compatibility in the kernel's
// kernel/bpf/verifier.c, both of its directions, as data. And which programs it is for.

#include <cstdint>

#include "vm/isa/helper_info.h"
#include "vm/program/spec.h"

namespace weir::vm {

/// False where a program of a 6.18 kernel may not call the helper with such a map; also for helpers
/// that take no map, and for kinds that do not exist.
bool helper_takes_map(uint32_t helper_id, MapType type);

/// May programs of this type call it?
constexpr bool helper_serves(const HelperInfo& helper, ProgramType type) {
    return helper.users == HelperUsers::Any ||
           (helper.users == HelperUsers::Xdp) == (type == ProgramType::Xdp);
}

}  // namespace weir::vm
