#pragma once
// From one thread to another: one writer, one reader, no lock, in order. Memory is taken once.

#include <atomic>
#include <cstdint>
#include <memory>

namespace weir {

/// kRoom: a power of two. T is copied.
template <typename T, uint32_t kRoom>
class SpscRing {
public:
    SpscRing() : items_(std::make_unique_for_overwrite<T[]>(kRoom)) {}

    // -- the writer
    /// As many as wait, or more: the reader may be taking some.
    uint32_t waiting() const {
        return written_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire);
    }
    /// False: there is no room.
    bool put(const T& item) {
        if (waiting() == kRoom) return false;
        const uint32_t at = written_.load(std::memory_order_relaxed);
        items_[at % kRoom] = item;
        written_.store(at + 1, std::memory_order_release);
        return true;
    }

    // -- the reader
    /// The oldest; false: there is none.
    bool take(T& item) {
        const uint32_t at = taken_.load(std::memory_order_relaxed);
        if (at == written_.load(std::memory_order_acquire)) return false;
        item = items_[at % kRoom];
        taken_.store(at + 1, std::memory_order_release);
        return true;
    }

private:
    static_assert((kRoom & (kRoom - 1)) == 0);

    std::unique_ptr<T[]> items_;
    alignas(64) std::atomic<uint32_t> written_{0};  ///< release by put; partner: take
    alignas(64) std::atomic<uint32_t> taken_{0};    ///< release by take; partner: waiting
};

}  // namespace weir
