#pragma once
// Locks and timers inside the values of a map, found by the names of their types as the kernel does
// (kernel/bpf/btf.c, btf_parse_fields).

#include <cstdint>

#include "vm/base/result.h"
#include "vm/elf/btf_view.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

constexpr uint32_t kFieldsMax = 65'536;  ///< members looked at in one value
constexpr uint32_t kFieldDepthMax = 8;   ///< structs in structs

/// Fills in spin_lock_offset and timer_offset of `map` from its value type, or from one variable of
/// its section that lies at `start`. Two of a kind, one inside an array, and one in a kind of map
/// that cannot have it are refused.
Result<void> find_special_fields(const BtfView& btf, uint32_t value_type, uint32_t start,
                                 MapSpec& map);

}  // namespace weir::vm::elf
