// Clocks (kernel/bpf/helpers.c). All of them go through the vDSO, so a program that asks for the
// time makes no system call.

#include "vm/helpers/clocks.h"

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

uint64_t nanoseconds(const timespec& time) {
    return static_cast<uint64_t>(time.tv_sec) * kNanosecondsPerSecond +
           static_cast<uint64_t>(time.tv_nsec);
}

template <clockid_t clock>
uint64_t read_clock(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return system_clock_ns(clock);
}

uint64_t jiffies(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    return jiffies_now();
}

/// The coarse clock moves once a tick, so its resolution is what 1/HZ is on this kernel.
uint64_t tick_nanoseconds() {
    timespec resolution;
    const bool known =
        clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0 && nanoseconds(resolution) != 0;
    return known ? nanoseconds(resolution) : kNanosecondsPerSecond / 250;
}

}  // namespace

uint64_t system_clock_ns(clockid_t clock) {
    timespec now;
    return clock_gettime(clock, &now) == 0 ? nanoseconds(now) : 0;
}

uint64_t jiffies_per_second() {
    static const uint64_t hz = kNanosecondsPerSecond / tick_nanoseconds();
    return hz;
}

/// User space cannot read jiffies. They start five minutes before a 32-bit overflow
/// (INITIAL_JIFFIES) and count ticks since then; ticks of the first boot phase may be missing in
/// the kernel's, so the two agree to within a second.
uint64_t jiffies_now() {
    static const uint64_t tick = kNanosecondsPerSecond / jiffies_per_second();
    static const uint64_t first = (uint64_t{1} << 32) - 300 * jiffies_per_second();
    return first + system_clock_ns(CLOCK_MONOTONIC_COARSE) / tick;
}

void add_time_helpers(HelperTable& table) {
    set(table, HelperId::ktime_get_ns, read_clock<CLOCK_MONOTONIC>);
    set(table, HelperId::ktime_get_boot_ns, read_clock<CLOCK_BOOTTIME>);
    set(table, HelperId::ktime_get_coarse_ns, read_clock<CLOCK_MONOTONIC_COARSE>);
    set(table, HelperId::ktime_get_tai_ns, read_clock<CLOCK_TAI>);
    set(table, HelperId::jiffies64, jiffies);
}

}  // namespace weir::vm
