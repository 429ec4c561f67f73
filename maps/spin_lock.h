#pragma once
// The lock among writers. Readers never look at it.

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace weir::maps {

/// Who writes. A worker waits for a lock a bounded time (a control thread may have lost its core
/// while it held it) and then gives up with -EBUSY, as the kernel's maps do when they cannot have a
/// lock. The control side waits for workers.
enum class Side : uint8_t { Program, Control };

/// Tries of a worker before it gives up: some 100 microseconds.
constexpr uint32_t kProgramSpinsMax = 4096;
/// Tries of the control side between two offers to let another thread run.
constexpr uint32_t kControlSpins = 256;

inline void spin_pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// Between two tries. False when this side gives up.
inline bool wait_a_moment(Side side, uint32_t spins) {
    if (side == Side::Program && spins >= kProgramSpinsMax) return false;
    if (side == Side::Control && spins % kControlSpins == kControlSpins - 1) sched_yield();
    spin_pause();
    return true;
}

class SpinLock {
public:
    /// False only for Side::Program, when the bound is reached. In one order with is_held: of two
    /// threads of which each announces itself and then looks for the other, one sees the other.
    bool acquire(Side side) {
        for (uint32_t spins = 0; state_.exchange(1, std::memory_order_seq_cst) != 0; ++spins)
            if (!wait_a_moment(side, spins)) return false;
        return true;
    }
    bool is_held() const { return state_.load(std::memory_order_seq_cst) != 0; }
    void release() { state_.store(0, std::memory_order_release); }

private:
    std::atomic<uint32_t> state_{0};
};

}  // namespace weir::maps
