#pragma once
// Looks at every worker ten times a second. One that makes no round for kStuckMs is stuck: it is
// asked where it is, and a program that runs there is taken off it, if it used the CPU meanwhile
// (one that gets no CPU is not to blame). A worker that is stuck elsewhere holds queues that nobody
// can take from it: after kHopelessMs the process ends, so that whoever started it can start it
// again.

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/out_of_service.h"
#include "dataplane/worker.h"
#include "dataplane/worker_watch.h"

namespace weir::dataplane {

constexpr uint32_t kLookMs = 100;
constexpr uint32_t kStuckMs = 600;  ///< a round takes microseconds
constexpr uint32_t kHopelessMs = 10'000;

class Watchdog {
public:
    /// Starts its thread. The workers outlive it. `out` is woken when a worker gets stuck or free.
    Watchdog(std::vector<Worker*> workers, OutOfService& out);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// Any thread.
    WorkerWatch read(uint32_t worker) const;

private:
    struct Watched {
        Worker* worker = nullptr;
        // The watchdog's own.
        uint64_t rounds = 0;
        uint64_t cpu_ns = 0;  ///< of the thread when the round count moved last
        uint32_t still_looks = 0;
        // What it tells; release by the watchdog, partner: read.
        std::atomic<uint32_t> stuck_ms{0};
        std::atomic<bool> has_cpu{true};
    };

    void run();
    void look(Watched& watched);
    void look_at_stuck(Watched& watched);

    OutOfService& out_;
    std::vector<Watched> watched_;
    std::atomic<bool> stop_{false};  ///< relaxed: the end may come a look later
    std::thread thread_;
};

}  // namespace weir::dataplane
