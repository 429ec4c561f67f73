#include "jit/code_ranges.h"

#include <array>
#include <atomic>
#include <mutex>

namespace weir::jit {
namespace {

/// `end` is stored last and cleared first, so that whoever sees it sees the `begin` that belongs to
/// it, or one of code that ended meanwhile and that nobody asks about.
struct Range {
    std::atomic<uint64_t> begin{0};
    std::atomic<uint64_t> end{0};  ///< 0: free. Release by who notes; partner: is_machine_code
};

std::array<Range, kCodeRangesMax> ranges;
std::atomic<uint32_t> ranges_used{0};  ///< none above has ever been in use. As Range::end
std::mutex among_writers;

}  // namespace

void note_code(uint64_t begin, uint64_t end) {
    const std::lock_guard<std::mutex> lock(among_writers);
    for (uint32_t i = 0; i < kCodeRangesMax; ++i) {
        if (ranges[i].end.load(std::memory_order_relaxed) != 0) continue;
        ranges[i].begin.store(begin, std::memory_order_relaxed);
        ranges[i].end.store(end, std::memory_order_release);
        if (i >= ranges_used.load(std::memory_order_relaxed))
            ranges_used.store(i + 1, std::memory_order_release);
        return;
    }
}

void forget_code(uint64_t begin) {
    const std::lock_guard<std::mutex> lock(among_writers);
    for (uint32_t i = 0; i < ranges_used.load(std::memory_order_relaxed); ++i) {
        Range& range = ranges[i];
        if (range.end.load(std::memory_order_relaxed) == 0 ||
            range.begin.load(std::memory_order_relaxed) != begin)
            continue;
        range.end.store(0, std::memory_order_release);
        return;
    }
}

bool is_machine_code(uint64_t address) {
    const uint32_t used = ranges_used.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < used; ++i) {
        const uint64_t end = ranges[i].end.load(std::memory_order_acquire);
        if (address < end && address >= ranges[i].begin.load(std::memory_order_relaxed))
            return true;
    }
    return false;
}

}  // namespace weir::jit
