#include "dataplane/watchdog.h"

#include <fmt/format.h>
#include <pthread.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace weir::dataplane {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kStuckCpuMs = 100;  ///< in one round: what gets less is starved, not stuck
constexpr uint64_t kHopelessCpuMs = 1000;

/// CPU time of a thread of this process (clock_getcpuclockid(3) for threads: MAKE_THREAD_CPUCLOCK
/// of the kernel's posix-timers.h); 0: it is gone.
uint64_t cpu_ns_of(int thread) {
    constexpr clockid_t kPerThread = 4, kRuntime = 2;
    timespec time{};
    if (clock_gettime(
            static_cast<clockid_t>(~static_cast<unsigned>(thread) << 3) | kPerThread | kRuntime,
            &time) != 0)
        return 0;
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u +
           static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

Watchdog::Watchdog(std::vector<Worker*> workers, OutOfService& out)
    : out_(out), watched_(workers.size()) {
    for (size_t i = 0; i < workers.size(); ++i) watched_[i].worker = workers[i];
    thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
    stop_.store(true, std::memory_order_relaxed);
    thread_.join();
}

void Watchdog::run() {
    pthread_setname_np(pthread_self(), "weir-watchdog");
    while (!stop_.load(std::memory_order_relaxed)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(kLookMs));
        for (Watched& watched : watched_) look(watched);
    }
}

void Watchdog::look(Watched& watched) {
    const int thread = watched.worker->guard().thread();
    if (thread == 0) return;  // not started yet, or ended
    const uint64_t rounds = watched.worker->rounds();
    if (rounds == watched.rounds) {
        // Looks are counted and not time, so that a process that was stopped as a whole finds
        // nobody stuck when it goes on.
        ++watched.still_looks;
        if (watched.still_looks * kLookMs >= kStuckMs) look_at_stuck(watched);
        return;
    }
    watched.rounds = rounds;
    watched.still_looks = 0;
    watched.cpu_ns = cpu_ns_of(thread);
    if (watched.stuck_ms.exchange(0, std::memory_order_release) != 0) out_.wake();
}

void Watchdog::look_at_stuck(Watched& watched) {
    FaultGuard& guard = watched.worker->guard();
    const uint32_t stuck_ms = watched.still_looks * kLookMs;
    const uint64_t cpu_ns = cpu_ns_of(guard.thread());
    if (cpu_ns < watched.cpu_ns) return;  // it has just ended
    const uint64_t cpu_ms = (cpu_ns - watched.cpu_ns) / kNsPerMs;
    const bool has_cpu = cpu_ms >= kStuckCpuMs;
    const bool is_new = watched.stuck_ms.load(std::memory_order_relaxed) == 0;
    watched.has_cpu.store(has_cpu, std::memory_order_relaxed);
    watched.stuck_ms.store(stuck_ms, std::memory_order_release);
    guard.ask(has_cpu ? watched.rounds : FaultGuard::kOnlyAsk);
    if (is_new) out_.wake();
    if (stuck_ms < kHopelessMs || cpu_ms < kHopelessCpuMs) return;
    fmt::print(stderr,
               "weir-dataplane: worker {} has made no round for {} s and runs at {:#x}, where no "
               "program can be taken off it; the dataplane ends\n",
               watched.worker->index(), stuck_ms / 1000, guard.place());
    std::abort();
}

WorkerWatch Watchdog::read(uint32_t worker) const {
    const Watched& watched = watched_[worker];
    WorkerWatch watch;
    watch.stuck_ms = watched.stuck_ms.load(std::memory_order_acquire);
    watch.is_stuck = watch.stuck_ms != 0;
    if (!watch.is_stuck) return watch;
    watch.has_cpu = watched.has_cpu.load(std::memory_order_relaxed);
    watch.instruction = watched.worker->guard().place();
    return watch;
}

}  // namespace weir::dataplane
