#pragma once
// SHA-256 (FIPS 180-4) by libcrypto.

#include <array>
#include <cstdint>

#include "vm/base/bytes.h"

namespace weir {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(ByteSpan bytes);

}  // namespace weir
