#pragma once
// One worker's counters. The worker counts in plain memory of its own and copies what changed to
// the shared side once a round, under a sequence lock; a reader gets a state in which every packet
// of the worker is in exactly one place. (Boehm, "Can seqlocks get along with programming language
// memory models?", MSPC 2012: data with release stores and acquire loads needs no fences; on x86
// both are plain moves.)

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/generation.h"
#include "dataplane/verdict.h"

namespace weir::dataplane {

/// Packets of one port on one worker. What came in counts at the port it came in by, what left or
/// waits to leave at the port it leaves by, a drop where it happened. in_flight goes below zero
/// (modulo 2^64) on a worker that transmits what another one handed over; sums are right.
struct PortCounts {
    uint64_t rx = 0, rx_bytes = 0, tx = 0, tx_bytes = 0, in_flight = 0;
    uint64_t checksums_sampled = 0, checksums_bad = 0;
    uint64_t heads_moved = 0;  ///< frames moved right in their buffer after a program grew them far
    uint64_t verdicts[kVerdicts] = {};
    uint64_t drops[kDropReasons] = {};
};
struct ProgramCounts {
    uint64_t runs = 0;
    uint64_t verdicts[kVerdicts] = {};
};

class Counters {
public:
    static constexpr uint32_t kPortsMax = 32;  ///< RTE_MAX_ETHPORTS of the packaged DPDK

    explicit Counters(uint32_t port_count);

    // -- worker side ------------------------------------------------------------------------------
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
    /// Copies what changed. Once a round; does nothing when nothing changed.
    void publish();

    // -- any thread -------------------------------------------------------------------------------
    /// One consistent state of all ports.
    std::vector<PortCounts> read_ports() const;
    ProgramCounts read_program(uint32_t slot) const;

private:
    static constexpr size_t kPortWords = sizeof(PortCounts) / sizeof(uint64_t);
    static constexpr size_t kProgramWords = sizeof(ProgramCounts) / sizeof(uint64_t);
    using Word = std::atomic<uint64_t>;
    struct Program {
        ProgramCounts counts;
        bool dirty = false;
    };

    template <typename Read>
    void read_consistently(Read&& read) const;

    uint32_t port_count_;
    uint32_t dirty_ports_ = 0;
    std::vector<uint32_t> dirty_programs_;
    std::unique_ptr<PortCounts[]> ports_;
    std::unique_ptr<Program[]> programs_;
    alignas(64) std::atomic<uint64_t> sequence_{
        0};  ///< odd while the worker writes; partner: read_consistently
    std::unique_ptr<Word[]> shared_ports_;
    std::unique_ptr<Word[]> shared_programs_;
};

}  // namespace weir::dataplane
