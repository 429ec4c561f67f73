#pragma once
// The readers' half of LpmMap, for the functions that look-ups of each shape become.

#include "maps/lpm_fib_find.h"
#include "maps/lpm_map.h"

namespace weir::maps {

template <LpmLayout kLayout, uint32_t kAddressBytes>
inline uint8_t* LpmMap::look_up(const uint8_t* key) const {
    const uint32_t bytes = kAddressBytes != 0 ? kAddressBytes : nodes_.address_bytes();
    if (LpmKey::bits_of(key) != bytes * 8) [[unlikely]]
        return look_up_shorter(key);
    return nodes_.values().of_or_null(fib_.find<kLayout, kAddressBytes>(key + kLpmLengthBytes));
}

}  // namespace weir::maps
