#pragma once
// The packet side as the command server sees it: EAL, ports, workers, counters. Control thread
// only, except where said.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/bypass.h"
#include "dataplane/api/messages.h"
#include "dataplane/capture/captures.h"
#include "dataplane/generation.h"
#include "dataplane/worker_watch.h"
#include "vm/base/result.h"
#include "vm/helpers/fib.h"
#include "vm/helpers/timers.h"

namespace weir::dataplane {

class OutOfService;  // out_of_service.h

/// Timers of programs at once, over all maps. Their memory is taken at the start.
constexpr uint32_t kNodeTimersMax = 65'536;

/// Runs and verdicts of one program slot, summed over workers.
struct ProgramCounters {
    uint64_t runs = 0;
    uint64_t verdicts[5] = {};  ///< by XdpVerdict; values that are no verdict count as XDP_ABORTED
    std::vector<api::AbortedAt> aborted;  ///< by instruction, the first few
};

class WorkerTrace;  // dataplane/packet_trace.h

class Forwarding {
public:
    /// Starts EAL, ports and one worker per lcore, with an empty generation 0 in which each port
    /// does what its `fail` mode says. Everything is checked before anything starts; an error
    /// leaves nothing behind (no hugepage file, no half-open port). `run_dir` holds DPDK's runtime
    /// files. Once per process (EAL).
    static Result<std::unique_ptr<Forwarding>> start(const api::Configure& configure,
                                                     const std::string& run_dir);
    ~Forwarding();  ///< stops workers, drains and closes ports

    /// Publishes and waits until every worker runs it; then the old one is freed. Error if a worker
    /// does not come to rest within the bound (named): the new generation stays published, the old
    /// one is kept alive.
    Result<api::Published> publish(std::unique_ptr<Generation> generation);
    uint64_t generation_number() const;
    /// Runs `task` on a worker between two of its rounds, and waits for that. kResource: the worker
    /// did not come to rest within the bound; nothing was done.
    Result<void> run_on_worker(const std::function<void()>& task);

    uint32_t worker_count() const;
    /// Worker::arm. What was armed before stays until a grace period is over (maps/reclaim.h).
    void arm_trace(uint32_t worker, WorkerTrace* trace);
    std::string port_name(uint32_t index) const;  ///< empty: there is none of that number

    uint32_t cpu_slots() const;  ///< slots that per-CPU maps need
    uint32_t port_count() const;
    /// nullopt-like: port_count() when no port has that name.
    uint32_t port_index(const std::string& name) const;

    /// What workers took out of service; the control thread's side of it.
    OutOfService& out_of_service();
    /// Cpumaps lead to workers from now on: before the first of them is filled.
    void connect_workers();
    WorkerWatch watch(uint32_t worker) const;
    /// Of publish(), since the start.
    api::SwapTimes swap_times() const;
    uint64_t tsc_hz() const;

    capture::Captures& captures();

    /// Of all workers, which run what is due between their rounds.
    vm::Timers& timers();

    /// Exact on every read (per-worker sequence locks). `programs` is left empty.
    api::Stats read_stats() const;
    ProgramCounters program_counters(uint32_t slot) const;
    void reset_program_counters(uint32_t slot);
    std::vector<api::PortInfo> port_infos() const;
    /// The ports as bpf_fib_lookup and bpf_check_mtu see them.
    std::vector<vm::Interface> interfaces() const;
    std::vector<std::string> warnings() const;
    bool uses_hugepages() const;

private:
    struct State;
    explicit Forwarding(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace weir::dataplane
