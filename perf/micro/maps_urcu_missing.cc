// In the place of maps_urcu.cc where liburcu's headers are not installed.

#include "perf/micro/maps_urcu.h"

namespace weir::perf {

std::unique_ptr<UrcuHash> make_urcu_hash(uint32_t, uint32_t) {
    return nullptr;
}

bool has_urcu() {
    return false;
}

}  // namespace weir::perf
