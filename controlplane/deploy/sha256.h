#pragma once
// SHA-256 as lower-case hex.

#include <string>
#include <string_view>

#include "vm/base/bytes.h"

namespace weir::controlplane {

std::string sha256_hex(ByteSpan bytes);
std::string sha256_hex(std::string_view text);

/// Bytes as lower-case hex without separators.
std::string to_hex(ByteSpan bytes);
/// The reverse; nullopt-like: false when `hex` holds anything else or an odd number of digits.
bool from_hex(std::string_view hex, Bytes& bytes);

}  // namespace weir::controlplane
