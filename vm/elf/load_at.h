#pragma once

#include <cstring>

#include "vm/base/bytes.h"

namespace weir::vm::elf {

/// A struct of the file as it stands at `offset`; all of it must lie inside.
template <typename T>
T load_at(ByteSpan bytes, size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

}  // namespace weir::vm::elf
