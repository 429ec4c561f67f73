#pragma once
// The helpers that reach maps, a file for each group; what their arguments stand for.
//
// A Map argument is a vm::Map*. The verifier (or the checked interpreter) has proven what pointers
// point to and that the helper takes the map's kind (vm/program/map_use.h); a helper that needs
// more than vm::Map asks for the kind before it believes.

#include <cstdint>

#include "vm/program/run.h"

namespace weir::maps {

void add_element_helpers(vm::HelperTable& table);    ///< look up, update, delete
void add_queue_helpers(vm::HelperTable& table);      ///< push, pop, peek
void add_iteration_helpers(vm::HelperTable& table);  ///< for_each_map_elem
void add_redirect_helpers(vm::HelperTable& table);   ///< redirect_map
void add_event_helpers(vm::HelperTable& table);      ///< perf_event_output, ringbuf_*
void add_lock_helpers(vm::HelperTable& table);       ///< spin_lock, spin_unlock

inline vm::Map& map_argument(uint64_t r) {
    return *reinterpret_cast<vm::Map*>(r);
}
inline uint8_t* memory_argument(uint64_t r) {
    return reinterpret_cast<uint8_t*>(r);
}
inline uint64_t pointer_result(const uint8_t* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}
/// Helpers return long: negative errors fill the upper half of r0.
inline uint64_t status_result(int64_t status) {
    return static_cast<uint64_t>(status);
}

}  // namespace weir::maps
