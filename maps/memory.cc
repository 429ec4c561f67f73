#include "maps/memory.h"

#include <sys/random.h>

#include "vm/base/check.h"

namespace weir::maps {

Secrets draw_secrets() {
    Secrets secrets;
    const ssize_t got = getrandom(secrets.data(), sizeof secrets, 0);
    WEIR_CHECK(got == static_cast<ssize_t>(sizeof secrets));
    return secrets;
}

/// Each addend is bounded before it is added: no sum can wrap around.
Result<void> MapMemory::count(uint64_t bytes) {
    const uint64_t all = bytes > kMapBytesMax ? bytes : taken_bytes_ + bytes;
    if (all > kMapBytesMax) return check_memory(all, map_name_);
    taken_bytes_ = all;
    return {};
}

Result<Region> MapMemory::take(uint64_t bytes) {
    if (const Result<void> fits = count(bytes); !fits) return std::unexpected(fits.error());
    return take_region(bytes);
}

Result<Region> MapMemory::take_scratch(uint64_t bytes) {
    if (const Result<void> fits = count(bytes); !fits) return std::unexpected(fits.error());
    return Region::take(bytes, map_name_, policy_);
}

}  // namespace weir::maps
