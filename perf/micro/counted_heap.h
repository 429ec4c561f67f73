#pragma once
// The heap of a benchmark, counted. An executable that links this has its operator new replaced.

#include <cstdint>

namespace weir::perf {

/// From construction on, what this thread has taken and not given back, at its most.
class HeapPeak {
public:
    HeapPeak();
    ~HeapPeak();
    HeapPeak(const HeapPeak&) = delete;
    HeapPeak& operator=(const HeapPeak&) = delete;

    uint64_t bytes() const;
};

}  // namespace weir::perf
