#define ALLOW_EXPERIMENTAL_API  // what DPDK 22.11 says of its waits on memory
#include "dataplane/idle.h"

#include <fmt/format.h>
#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>
#include <time.h>

#include <algorithm>

#include "maps/reclaim.h"
#include "vm/helpers/timers.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kSpinRounds = 256;    ///< empty rounds at full speed
constexpr uint32_t kPauseRounds = 4096;  ///< up to there with a pause; then each is a nap
constexpr uint32_t kLongRounds = kPauseRounds + 256;  ///< from there on naps are longer
/// 1024 descriptors take 68 us of 10 Gbit/s in the shortest frames; and what is handed over leaves
/// within 50 us.
constexpr uint64_t kShortNapNs = 40'000;
/// What the kernel or another process puts into a ring comes at a tenth of that.
constexpr uint64_t kLongNapNs = 200'000;
constexpr size_t kAwaitedMax = 64;

/// Aborts the wait where the ring holds something already.
int abort_unless_empty(const uint64_t, const uint64_t opaque[RTE_POWER_MONITOR_OPAQUE_SZ]) {
    return rte_ring_empty(reinterpret_cast<const rte_ring*>(opaque[0])) != 0 ? 0 : -1;
}

int condition_of(const Awaited& source, rte_power_monitor_cond& condition) {
    if (source.ring == nullptr)
        return rte_eth_get_monitor_addr(source.port_id, source.queue, &condition);
    condition.addr = &source.ring->prod.tail;
    condition.size = sizeof source.ring->prod.tail;
    condition.fn = abort_unless_empty;
    condition.opaque[0] = reinterpret_cast<uint64_t>(source.ring);
    return 0;
}

}  // namespace

std::string why_no_monitor(const std::vector<Awaited>& sources) {
    rte_cpu_intrinsics can{};
    rte_cpu_get_intrinsics_support(&can);
    if (can.power_monitor == 0)
        return "this processor offers no wait on memory (WAITPKG or MWAITX; a virtual machine may "
               "hide it)";
    if (sources.size() > 1 && (can.power_monitor_multi == 0 || sources.size() > kAwaitedMax))
        return fmt::format("this processor cannot wait on {} places in memory at once",
                           sources.size());
    for (const Awaited& source : sources) {
        rte_power_monitor_cond condition{};
        const int error = condition_of(source, condition);
        if (error == 0) continue;
        rte_eth_dev_info info{};
        rte_eth_dev_info_get(source.port_id, &info);
        return fmt::format("driver {} names no memory to wait on: {}",
                           info.driver_name == nullptr ? "?" : info.driver_name,
                           rte_strerror(-error));
    }
    return {};
}

/// Up to the next timer at most.
uint64_t Idle::nap_ns(uint64_t deadline_ns) const {
    const uint64_t nap_ns =
        empty_rounds_ < kLongRounds || setup_.is_short ? kShortNapNs : kLongNapNs;
    if (deadline_ns == vm::kNoDeadline) return nap_ns;
    const uint64_t now_ns = vm::system_clock_ns(CLOCK_MONOTONIC);
    return std::min(nap_ns, deadline_ns > now_ns ? deadline_ns - now_ns : 0);
}

bool Idle::wait_on_memory(uint64_t nap_ns) {
    rte_power_monitor_cond conditions[kAwaitedMax];
    const auto count = static_cast<uint32_t>(setup_.awaited.size());
    for (uint32_t i = 0; i < count; ++i) {
        conditions[i] = {};
        if (condition_of(setup_.awaited[i], conditions[i]) != 0) return false;
    }
    const uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1'000'000 * nap_ns / 1000;
    return (count == 1 ? rte_power_monitor(conditions, until)
                       : rte_power_monitor_multi(conditions, count, until)) == 0;
}

bool Idle::rest(uint64_t deadline_ns, bool is_handed) {
    if (setup_.mode == api::IdleMode::Poll) return false;
    if (empty_rounds_ < kLongRounds) ++empty_rounds_;
    if (empty_rounds_ < kSpinRounds) return false;
    setup_.is_short |= is_handed;
    if (empty_rounds_ < kPauseRounds) {
        rte_pause();
        return false;
    }
    const uint64_t nap = nap_ns(deadline_ns);
    if (nap == 0) return false;
    maps::reader_offline();
    const bool waited =
        setup_.mode == api::IdleMode::Monitor && !setup_.awaited.empty() && wait_on_memory(nap);
    if (!waited) {
        const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(nap)};
        nanosleep(&pause, nullptr);
    }
    maps::reader_online();
    return true;
}

}  // namespace weir::dataplane
