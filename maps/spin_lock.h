#pragma once
// The lock among writers. Readers never look at it.
//
// It remembers who holds it. A worker has its core for itself and is done after some nanoseconds to
// microseconds: other workers wait for it, far longer than that takes. A control thread may lose
// its core while it holds a lock, for as long as the scheduler likes: a worker waits for it a short
// time and then goes another way, or gives up with -EBUSY, as the kernel's maps do when they cannot
// have a lock. The control side waits for everybody.

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace weir::maps {

/// Who writes.
enum class Side : uint8_t { Program, Control };

/// Looks of a worker, before it gives up, at a lock that a control thread holds: some 100
/// microseconds.
constexpr uint32_t kControlHeldSpinsMax = 4096;
/// The same where a worker is in the way: reached only where workers share cores, and then rarely
/// (some 100 milliseconds).
constexpr uint32_t kWorkerHeldSpinsMax = 1u << 22;
/// Looks of the control side between two offers to let another thread run.
constexpr uint32_t kControlSpins = 256;

inline void spin_pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// Between two looks for a worker to be done. False when this side gives up.
inline bool wait_a_moment(Side side, uint32_t spins) {
    if (side == Side::Program && spins >= kWorkerHeldSpinsMax) return false;
    if (side == Side::Control && spins % kControlSpins == kControlSpins - 1) sched_yield();
    spin_pause();
    return true;
}

class SpinLock {
public:
    /// False only for Side::Program, when a bound is reached. In one order with is_held: of two
    /// threads of which each announces itself and then looks for the other, one sees the other.
    bool acquire(Side side) {
        uint32_t control_held = 0;
        for (uint32_t looks = 0; !try_acquire(side, 1); ++looks) {
            // Looking does not take the line from the holder, trying does.
            uint32_t holder = holder_.load(std::memory_order_relaxed);
            for (; holder != kNobody; holder = holder_.load(std::memory_order_relaxed), ++looks) {
                if (holder == kControl) ++control_held;
                if (side == Side::Program && control_held >= kControlHeldSpinsMax) return false;
                if (!wait_a_moment(side, looks)) return false;
            }
        }
        return true;
    }
    /// Gives up after `looks` looks, whoever holds it: for those that have another way.
    bool try_acquire(Side side, uint32_t looks) {
        const uint32_t mine = side == Side::Control ? kControl : kProgram;
        for (uint32_t look = 0; look < looks; ++look) {
            // Not looked at before the first try: that would fetch its line twice.
            if (look != 0) spin_pause();
            uint32_t holder = look == 0 ? kNobody : holder_.load(std::memory_order_relaxed);
            if (holder == kNobody &&
                holder_.compare_exchange_strong(holder, mine, std::memory_order_seq_cst,
                                                std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }
    bool is_held() const { return holder_.load(std::memory_order_seq_cst) != kNobody; }
    void release() { holder_.store(kNobody, std::memory_order_release); }

private:
    static constexpr uint32_t kNobody = 0, kProgram = 1, kControl = 2;

    std::atomic<uint32_t> holder_{kNobody};
};

}  // namespace weir::maps
