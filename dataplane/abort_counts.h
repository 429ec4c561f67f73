#pragma once
// One worker's count of aborted runs, by program and by the exit at which they ended: the first few
// exits that were seen.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/generation.h"

namespace weir::dataplane {

constexpr uint32_t kAbortedPlaces = 8;  ///< of a program; what aborts elsewhere is not listed

class AbortCounts {
public:
    AbortCounts() : programs_(new Program[kProgramSlotsMax]) {}

    // -- the worker
    void add(uint32_t slot, uint32_t insn) {
        for (Place& place : programs_[slot].places) {
            const uint64_t seen = place.count.load(std::memory_order_relaxed);
            if (seen != 0 && place.insn.load(std::memory_order_relaxed) != insn) continue;
            if (seen == 0) place.insn.store(insn, std::memory_order_relaxed);
            place.count.store(seen + 1, std::memory_order_release);
            return;
        }
    }

    // -- control thread
    /// Before any worker runs the program that has the slot now.
    void reset(uint32_t slot) {
        for (Place& place : programs_[slot].places) place.count.store(0, std::memory_order_relaxed);
    }
    /// Adds to `sum`, sorted by instruction.
    void read(uint32_t slot, std::vector<api::AbortedAt>& sum) const {
        for (const Place& place : programs_[slot].places) {
            const uint64_t count = place.count.load(std::memory_order_acquire);
            if (count == 0) continue;
            const uint32_t insn = place.insn.load(std::memory_order_relaxed);
            const auto at = std::ranges::lower_bound(sum, insn, {}, &api::AbortedAt::insn);
            if (at != sum.end() && at->insn == insn)
                at->count += count;
            else
                sum.insert(at, {insn, count});
        }
    }

private:
    struct Place {
        std::atomic<uint32_t> insn{0};
        std::atomic<uint64_t> count{0};  ///< 0: free. Release behind `insn`
    };
    struct Program {
        Place places[kAbortedPlaces];
    };

    std::unique_ptr<Program[]> programs_;
};

}  // namespace weir::dataplane
