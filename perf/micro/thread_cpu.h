#pragma once
// Time that the calling thread spent on a processor, its system calls included.

#include <ctime>

namespace weir::perf {

inline double thread_cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace weir::perf
