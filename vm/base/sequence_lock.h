#pragma once
// One writer that never waits, readers that read again where it wrote meanwhile. What it guards are
// atomics: the writer stores them with release, readers load them with acquire, so that no fence is
// needed; on x86 both are plain moves. (Boehm, "Can seqlocks get along with programming language
// memory models?", MSPC 2012.)

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace weir {

class SequenceLock {
public:
    /// The writer; `store` stores what is guarded.
    template <typename Store>
    void write(Store&& store) {
        const uint64_t before = sequence_.load(std::memory_order_relaxed);
        sequence_.store(before + 1, std::memory_order_relaxed);
        store();
        sequence_.store(before + 2, std::memory_order_release);
    }
    /// Any thread; `load` loads what is guarded, perhaps several times. The last one is of one
    /// moment.
    template <typename Load>
    void read(Load&& load) const {
        while (true) {
            const uint64_t before = sequence_.load(std::memory_order_acquire);
            if (before % 2 != 0) {
                sched_yield();  // the writer may have lost its CPU to this very thread
                continue;
            }
            load();
            if (sequence_.load(std::memory_order_relaxed) == before) return;
        }
    }

private:
    std::atomic<uint64_t> sequence_{0};  ///< odd while the writer writes; partner: read
};

}  // namespace weir
