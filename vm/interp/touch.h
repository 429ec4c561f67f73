#pragma once
// How an instruction or a helper touches memory.

#include <cstdint>

namespace weir::vm {

enum class Touch : uint8_t { Load, Store, Atomic };

}  // namespace weir::vm
