#pragma once
// What policy put into one map since its creation: the part of its contents that a replay restores
// (what programs learned is not). A log of whole elements in one block of memory; older writes of a
// key are squeezed out now and then.

#include <cstddef>
#include <cstdint>
#include <functional>

#include "vm/base/bytes.h"

namespace weir::dataplane {

class PolicyLog {
public:
    explicit PolicyLog(uint32_t key_bytes) : key_bytes_(key_bytes) {}

    /// `key` has key_bytes bytes.
    void put(ByteSpan key, ByteSpan value);
    /// Forgets the key, whoever erased it.
    void erase(ByteSpan key);

    /// Elements with their last value, in the order of their last write. Squeezes first.
    void for_each(const std::function<void(ByteSpan key, ByteSpan value)>& visit);
    size_t memory_bytes() const { return log_.capacity(); }

private:
    struct Entry {
        ByteSpan key, value;
        bool erased = false;
        size_t offset = 0, bytes = 0;
    };
    void append(ByteSpan key, ByteSpan value, bool erased);
    Entry entry_at(size_t offset) const;
    void squeeze();

    uint32_t key_bytes_;
    Bytes log_;  ///< u8 erased | u32 value bytes | key | value, again and again
    size_t entries_ = 0;
    size_t entries_at_squeeze_ = 0;
};

}  // namespace weir::dataplane
