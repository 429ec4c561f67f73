#pragma once
// Clocks of the machine, read through the vDSO.

#include <cstdint>
#include <ctime>

namespace weir::vm {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

/// Now, by a clock of the kernel, in nanoseconds; 0 where there is no such clock.
uint64_t system_clock_ns(clockid_t clock);
/// The kernel's HZ, from the resolution of its coarse clock.
uint64_t jiffies_per_second();
/// jiffies64, to within a second.
uint64_t jiffies_now();

}  // namespace weir::vm
