#include "maps/salvage.h"

#include "vm/base/bytes.h"

namespace weir::maps {

void restore_element(vm::Map& into, const uint8_t* key, std::span<const uint8_t> value,
                     uint64_t flags, Salvaged& salvaged) {
    Bytes all_slots(value.begin(), value.end());
    all_slots.resize(into.control_value_bytes());
    const bool fits = into.control_update(key, all_slots, flags) == 0;
    ++(fits ? salvaged.kept : salvaged.torn);
}

}  // namespace weir::maps
