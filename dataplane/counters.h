#pragma once
// One worker's counters. The worker counts in plain memory of its own and copies what changed to
// the shared side once a round, under a sequence lock; a reader gets a state in which every packet
// of the worker is in exactly one place.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/generation.h"
#include "dataplane/verdict.h"
#include "vm/base/sequence_lock.h"

namespace weir::dataplane {

/// What changes with nearly every burst.
struct PortTraffic {
    uint64_t rx = 0, rx_bytes = 0, tx = 0, tx_bytes = 0, in_flight = 0;
    uint64_t verdicts[kVerdicts] = {};
};

/// Packets of one port on one worker. What came in counts at the port it came in by, what left or
/// waits to leave at the port it leaves by, a drop where it happened. in_flight goes below zero
/// (modulo 2^64) on a worker that transmits what another one handed over; sums are right.
struct PortCounts : PortTraffic {
    uint64_t checksums_bad = 0, checksums_completed = 0;
    uint64_t cloned = 0, to_kernel = 0;
    /// Handed to other workers by cpumaps, less what was taken from them: below zero (modulo 2^64)
    /// on a worker that takes. Part of in_flight.
    uint64_t between_workers = 0;
    uint64_t heads_moved = 0;  ///< frames moved right in their buffer after a program grew them far
    uint64_t egress_verdicts[kVerdicts] = {};  ///< of packets that were to leave by the port
    uint64_t drops[kDropReasons] = {};  ///< the last member: Counters finds them from the end
};
/// Of one source of a worker's packets. `handed`: of a device's queue, what was handed over to
/// other workers, who count it as theirs.
struct QueueCounts {
    uint64_t packets = 0;
    uint64_t handed = 0;
};
constexpr size_t kLatencyBuckets = 40;  ///< the last: 9 minutes and more
/// TSC cycles by what the worker did (round_clock.h).
struct TimeCounts {
    uint64_t rx_cycles = 0, program_cycles = 0, tx_cycles = 0, idle_cycles = 0;
    uint64_t sleeps = 0;
    uint64_t latency[kLatencyBuckets] = {};  ///< packets by power of two of ns
};
struct ProgramCounts {
    uint64_t runs = 0;
    uint64_t verdicts[kVerdicts] = {};
};

class Counters {
public:
    static constexpr uint32_t kPortsMax = 32;  ///< RTE_MAX_ETHPORTS of the packaged DPDK

    explicit Counters(uint32_t port_count, uint32_t queue_count = 0);

    // -- worker side ------------------------------------------------------------------------------
    /// For what changes with most bursts: the next publish() copies no more than that.
    PortTraffic& traffic(uint32_t port) {
        dirty_traffic_ |= 1u << port;
        return ports_[port];
    }
    void drop(uint32_t port, DropReason reason, uint64_t packets) {
        dirty_traffic_ |= 1u << port;
        dirty_drops_[port] |= uint64_t{1} << static_cast<uint32_t>(reason);
        ports_[port].drops[static_cast<size_t>(reason)] += packets;
    }
    /// Anything; all of it is copied.
    PortCounts& port(uint32_t index) {
        dirty_ports_ |= 1u << index;
        return ports_[index];
    }
    ProgramCounts& program(uint32_t slot) {
        Program& program = programs_[slot];
        if (!program.dirty) {
            program.dirty = true;
            dirty_programs_.push_back(slot);  // reserved for every slot: never allocates
        }
        return program.counts;
    }
    QueueCounts& queue(uint32_t index) {
        queues_dirty_ = true;
        return queues_[index];
    }
    /// Of all queues, without what was handed over.
    uint64_t packets_judged() const;
    /// Shown from the round on in which times_changed() is called.
    TimeCounts& times() { return times_; }
    void times_changed() { times_dirty_ = true; }
    /// Copies what changed. Once a round; does nothing when nothing changed.
    void publish();

    // -- any thread -------------------------------------------------------------------------------
    struct State {
        std::vector<PortCounts> ports;
        std::vector<QueueCounts> queues;
        TimeCounts times;
    };
    /// One consistent state of all ports and queues, and the times.
    State read() const;
    std::vector<PortCounts> read_ports() const { return read().ports; }
    ProgramCounts read_program(uint32_t slot) const;

private:
    static constexpr size_t kPortWords = sizeof(PortCounts) / sizeof(uint64_t);
    static constexpr size_t kTrafficWords = sizeof(PortTraffic) / sizeof(uint64_t);
    static constexpr size_t kDropsWord = kPortWords - kDropReasons;  ///< the first of `drops`
    static_assert(kDropReasons <= 64, "a bit for each in dirty_drops_");
    static constexpr size_t kProgramWords = sizeof(ProgramCounts) / sizeof(uint64_t);
    static constexpr size_t kQueueWords = sizeof(QueueCounts) / sizeof(uint64_t);
    static constexpr size_t kTimeWords = sizeof(TimeCounts) / sizeof(uint64_t);
    using Word = std::atomic<uint64_t>;
    struct Program {
        ProgramCounts counts;
        bool dirty = false;
    };

    void store_changes();
    void publish_traffic(uint32_t port);

    uint32_t port_count_;
    uint32_t queue_count_;
    // Bits by port: all of it changed, its traffic or some drops did, which drops.
    uint32_t dirty_ports_ = 0;
    uint32_t dirty_traffic_ = 0;
    std::array<uint64_t, kPortsMax> dirty_drops_{};
    std::vector<uint32_t> dirty_programs_;
    bool queues_dirty_ = false;
    bool times_dirty_ = false;
    TimeCounts times_;
    std::unique_ptr<PortCounts[]> ports_;
    std::unique_ptr<QueueCounts[]> queues_;
    std::unique_ptr<Program[]> programs_;
    alignas(64) SequenceLock lock_;
    std::unique_ptr<Word[]> shared_ports_;
    std::unique_ptr<Word[]> shared_queues_;
    std::unique_ptr<Word[]> shared_times_;
    std::unique_ptr<Word[]> shared_programs_;
};

}  // namespace weir::dataplane
