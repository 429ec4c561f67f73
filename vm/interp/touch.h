#pragma once
// How an instruction or a helper touches memory.

#include <cstdint>

namespace weir::vm {

enum class Touch : uint8_t { Load, Store, Atomic, AtomicLoad };

/// Aligned, and not in the packet or the context.
constexpr bool is_atomic(Touch touch) {
    return touch == Touch::Atomic || touch == Touch::AtomicLoad;
}
constexpr bool writes(Touch touch) {
    return touch == Touch::Store || touch == Touch::Atomic;
}
constexpr bool reads(Touch touch) {
    return touch != Touch::Store;
}

}  // namespace weir::vm
