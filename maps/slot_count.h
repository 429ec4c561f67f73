#pragma once
// How many slots hold something: changed by one thread at a time, read by any.

#include <atomic>
#include <cstdint>

namespace weir::maps {

class SlotCount {
public:
    SlotCount() = default;
    /// While nobody else knows it.
    SlotCount(SlotCount&& other) noexcept : filled_(other.get()) {}
    SlotCount& operator=(SlotCount&&) = delete;

    uint32_t get() const { return filled_.load(std::memory_order_relaxed); }
    void change(bool was_filled, bool is_filled) {
        filled_.store(get() + (is_filled ? 1u : 0u) - (was_filled ? 1u : 0u),
                      std::memory_order_relaxed);
    }

private:
    std::atomic<uint32_t> filled_ = 0;
};

}  // namespace weir::maps
