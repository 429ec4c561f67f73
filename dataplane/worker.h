#pragma once
// One worker: a thread on one lcore that runs every packet of its queues to completion. Nothing
// here allocates, locks, logs or calls the system while packets flow; the sleep of an idle worker
// is the exception.

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/abort_counts.h"
#include "dataplane/capture/tap.h"
#include "dataplane/counters.h"
#include "dataplane/cpu_queues.h"
#include "dataplane/fault_guard.h"
#include "dataplane/idle.h"
#include "dataplane/out_of_service.h"
#include "dataplane/packet.h"
#include "dataplane/publication.h"
#include "dataplane/round_clock.h"
#include "dataplane/rx_metadata.h"
#include "dataplane/rx_source.h"
#include "dataplane/scattered.h"
#include "dataplane/transmit.h"
#include "dataplane/verdict.h"
#include "vm/base/limits.h"
#include "vm/helpers/timers.h"
#include "vm/program/context.h"
#include "vm/program/run.h"

namespace weir::dataplane {

class WorkerTrace;  // dataplane/packet_trace.h
struct PacketTrace;

/// Something that a worker does for the control thread between two rounds.
struct WorkerTask {
    void (*run)(void* opaque) = nullptr;
    void* opaque = nullptr;
};

/// What every worker knows of a port; the same for all, constant.
struct PortRule {
    static constexpr uint32_t kPassDrops = UINT32_MAX;
    uint32_t ifindex = 0;
    uint32_t pass_port = kPassDrops;  ///< index of the port that XDP_PASS leaves by
    bool fail_open = false;
    uint64_t chain_budget_cycles = 0;  ///< of a packet, over a burst; 0: no bound
};

struct WorkerSetup {
    uint32_t index = 0;
    uint32_t numa_node = 0;
    IdleSetup idle;
    std::vector<PortRule> ports;
    std::vector<RxSource> rx;
    std::vector<TxTarget> tx;  ///< by port
    std::vector<TxSource> handed_to_us;
};

class Worker {
public:
    /// `timers`, `out`: of all workers.
    Worker(WorkerSetup setup, Publication& publication, vm::Timers& timers, OutOfService& out);

    /// The thread's body, for rte_eal_remote_launch; `self` is the Worker. Returns after
    /// request_stop.
    static int run(void* self);
    void request_stop() { stop_.store(true, std::memory_order_relaxed); }
    /// On the control thread, after all workers' threads have ended: nothing that was received
    /// stays unaccounted for.
    void drain();

    /// Runs `task` on the worker's thread between two rounds and waits for that: false if the
    /// worker did not take it within `timeout_ms`, then it never will. One caller at a time.
    bool run_between_rounds(const WorkerTask& task, uint64_t timeout_ms);

    /// Chosen packets are run with everything noted from the next burst on; nullptr: no more. What
    /// was armed before is in use until the worker was quiescent since. Control thread.
    void arm(WorkerTrace* trace) { trace_.store(trace, std::memory_order_release); }

    /// Cpumaps lead to workers from now on. Before the first entry of one is set.
    void connect(CpuQueues* queues) { cpu_queues_.store(queues, std::memory_order_release); }
    AbortCounts& aborts() { return aborts_; }
    /// Where captures are published to this worker.
    capture::Tap& tap() { return tap_; }

    // -- any thread -------------------------------------------------------------------------------
    const Counters& counters() const { return counters_; }
    uint64_t polls() const { return rounds() * setup_.rx.size(); }
    uint32_t index() const { return setup_.index; }
    uint64_t rounds() const { return rounds_.load(std::memory_order_relaxed); }
    FaultGuard& guard() { return guard_; }
    const FaultGuard& guard() const { return guard_; }
    uint64_t busy_polls() const { return busy_polls_.load(std::memory_order_relaxed); }

private:
    /// Packets in work: those of one receive burst that are still to be judged.
    struct Burst {
        uint32_t count = 0;
        // One more place, for the copy of a broadcast that is on its way.
        rte_mbuf* packets[kRxBurstPackets + 1];
        vm::XdpContext contexts[kRxBurstPackets + 1] = {};
        uint32_t verdicts[kRxBurstPackets];
        uint32_t redirects[kRxBurstPackets];
        BurstSummary seen;
        const RxSource* named_for = nullptr;  ///< whose port and queue stand in the contexts
        bool has_segments = false;            ///< some context points into `segments`
        vm::Segment segments[kRxBurstPackets][kSegmentsMax];
        vm::PacketMetadata metadata[kRxBurstPackets];
    };
    static constexpr uint32_t kCopy = kRxBurstPackets;

    void loop();
    bool round();
    template <bool timed>
    bool round_as();
    template <bool timed>
    bool serve(RxSource& source, uint32_t index, const LiveGeneration& live);
    bool send_out();
    void flush_distributors();
    void drain_ring(uint32_t index);
    void run_timers();
    void run_task();

    /// Whose run over which packets a fault would end.
    struct Run {
        const ChainEntry* entry = nullptr;  ///< nullptr: none ran yet
        uint32_t port = 0;                  ///< that they came in by
        uint32_t out = kStillIn;            ///< on whose egress chain they are
        uint32_t first = 0, last = 0;       ///< packets [first, last) of the burst
        static constexpr uint32_t kStillIn = UINT32_MAX;
    };

    /// What a verdict means at a port: a port to leave by, or a reason to drop.
    struct Fate {
        static constexpr uint32_t kNowhere = UINT32_MAX;
        uint32_t out = kNowhere;
        DropReason reason = DropReason::invalid_verdict;
    };

    // packet_path.cc
    void receive(RxSource& source, uint16_t count, const LiveGeneration& live);
    void admit(RxSource& source, uint16_t count, const PortPlan& plan);
    void admit_each(const RxSource& source, uint16_t count, bool takes_segments);
    void name_contexts(const RxSource& source);
    void forget_segments();
    void describe_packets();
    void watch_checksums(uint32_t port, uint32_t count);
    void complete_checksums(uint32_t port);
    void judge_by_burst(uint32_t port, const PortPlan& plan);
    void settle_mixed(uint32_t port, ProgramCounts& program, bool keeps_frames);
    void count_each(uint32_t port, ProgramCounts& program);
    void settle_two_ways(uint32_t port, uint32_t leaving_verdict);
    void settle_each(uint32_t port);
    template <bool tapped>
    void settle_each_as(uint32_t port);
    void judge_by_packet(uint32_t port, const LiveGeneration& live);
    void judge_packet(uint32_t port, const LiveGeneration& live, uint32_t i);
    uint32_t run_chain(std::span<const ChainEntry> chain, vm::XdpContext& context);
    Fate fate_of(uint32_t port, uint32_t verdict, uint32_t redirect) const;
    void settle_all(uint32_t port, Fate fate, bool keeps_frames);
    void close_all(uint32_t out);
    bool close(uint32_t out, uint32_t i);
    bool close_slowly(uint32_t out, uint32_t i);
    template <bool tapped>
    void leave_as(uint32_t out, uint32_t i);
    void leave(uint32_t out, uint32_t i);
    void leave_traced(uint32_t out, uint32_t i);
    void leave_by(uint32_t out, uint32_t i);
    void leave_by_chain(uint32_t out, uint32_t i, std::span<const ChainEntry> egress);
    template <bool tapped>
    void drop_as(uint32_t port, uint32_t i, DropReason reason);
    void drop(uint32_t port, uint32_t i, DropReason reason);
    void free_dropped();

    // packet_faults.cc
    void settle_unfiltered(uint32_t port, const LiveGeneration& live);
    void judge_around(uint32_t port, const LiveGeneration& live, uint32_t first);
    uint32_t run_chain_around(std::span<const ChainEntry> chain, uint32_t port,
                              vm::XdpContext& context);
    void settle_around(uint32_t port, uint32_t i, uint32_t verdict);
    void leave_around(uint32_t out, uint32_t i, std::span<const ChainEntry> egress, OutReason why);
    void recover();
    void settle_faulted(const Run& run, uint32_t i);
    void note_cycles(uint32_t port, uint64_t cycles);
    void send_off(uint32_t out, uint32_t i);

    // redirects.cc
    bool is_handed() const { return cpu_queues_.load(std::memory_order_relaxed) != nullptr; }
    uint32_t port_with(uint32_t ifindex) const;
    uint32_t run_bound(const vm::Runnable& bound, vm::XdpContext& context);
    void leave_by_entry(uint32_t port, uint32_t i, const maps::Destination& entry);
    void leave_as_copy(uint32_t port, uint32_t i, const maps::Destination& entry);
    void broadcast(uint32_t port, uint32_t i, const vm::Redirect& where);
    void hand_over(uint32_t port, uint32_t i, const vm::Redirect& where);
    void redirect_by_map(uint32_t port, uint32_t i, const vm::Redirect& where);
    void settle(uint32_t port, uint32_t i, uint32_t verdict, uint32_t redirect,
                const vm::Redirect& by_map);
    void settle_by_maps(uint32_t port, const ChainEntry& entry);
    void open_handed(const CpuMessage& message, uint32_t i);
    void judge_handed(const CpuMessage& message, uint32_t i);
    bool take_handed();
    void drain_handed();
    void count_aborts();

    // packet_trace.cc
    bool judge_traced(const RxSource& source, const LiveGeneration& live, WorkerTrace& trace);
    void record(PacketTrace* trace);
    uint32_t run_traced(const ChainEntry& entry, vm::XdpContext& context);

    // tapping.cc; only while a capture runs
    void tap_burst(const RxSource& source, const LiveGeneration& live);
    void tap_verdicts(const ChainEntry& entry);
    void tap_verdict(uint32_t i, uint32_t verdict, capture::Hook hook);
    void tap_leave_all(uint32_t out);

    WorkerSetup setup_;
    Publication& publication_;
    vm::Timers& timers_;
    OutOfService& out_;
    FaultGuard guard_;
    Run run_;
    const LiveGeneration* live_ = nullptr;  ///< of this round
    std::vector<uint32_t> overruns_;        ///< by port: bursts in a row above the budget
    Counters counters_;
    Transmitter transmitter_;
    RxMetadata rx_metadata_;
    capture::Tap tap_;
    capture::Tap* tap_now_ = nullptr;  ///< for this round; nullptr: no capture runs
    vm::RunEnv env_;
    Burst burst_;
    PacketTrace* recording_ = nullptr;  ///< of the packet at hand; nullptr: it is not traced
    uint32_t dropped_count_ = 0;
    rte_mbuf* dropped_[2 * kRxBurstPackets];  ///< of a burst, and copies of its packets
    bool copy_is_out_ = false;                ///< in burst_.packets[kCopy] is a packet on its way
    vm::Redirect map_redirects_[kRxBurstPackets];
    AbortCounts aborts_;
    bool distributes_ = false;  ///< some source has a distributor
    Idle idle_;
    RoundClock clock_;
    alignas(64) std::atomic<uint64_t> busy_polls_{0};
    std::atomic<uint64_t> rounds_{0};
    alignas(64) std::atomic<const WorkerTask*> task_{
        nullptr};                         ///< release both ways; nullptr: none, or taken
    std::atomic<bool> task_done_{false};  ///< release by the worker; partner: run_between_rounds
    std::atomic<WorkerTrace*> trace_{nullptr};     ///< release by arm, acquire once a burst
    std::atomic<CpuQueues*> cpu_queues_{nullptr};  ///< release by connect, acquire by the worker
    std::atomic<bool> stop_{false};                ///< relaxed: the end may come a round later
};

}  // namespace weir::dataplane
