#pragma once
// Bob Jenkins' lookup3 (https://burtleburtle.net/bob/c/lookup3.c), as the kernel uses it
// (include/linux/jhash.h): where a hash decides what programs see, ours decides the same.

#include <cstddef>
#include <cstdint>

namespace weir::maps {

/// jhash(): any bytes. For sizes that are a multiple of 4 on a little-endian machine that is
/// jhash2() too.
uint32_t jenkins_hash(const uint8_t* bytes, size_t count, uint32_t seed);

}  // namespace weir::maps
