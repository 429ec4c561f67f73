#pragma once
// What workers have taken out of service, from the moment that they do until a generation without
// it is published: by program slot and by port. Workers report, the control thread reads and
// publishes.

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/fault_guard.h"
#include "dataplane/generation.h"
#include "vm/base/spsc_ring.h"

namespace weir::dataplane {

/// Bursts in a row that a chain may be above its budget. One that an interrupt or another thread on
/// the core prolongs is no reason to stop filtering; so many in a row are none of these.
constexpr uint32_t kBudgetBursts = 64;

/// One thing that went out of service.
struct OutReport {
    uint32_t worker = 0;
    OutReason reason = OutReason::None;
    Fault fault;                 ///< OutReason::Fault
    uint32_t port = 0;           ///< OutReason::Budget: where the packets came in,
    uint64_t packet_cycles = 0;  ///< and what one of them took in the last burst
};

class OutOfService {
public:
    explicit OutOfService(uint32_t workers);
    ~OutOfService();
    OutOfService(const OutOfService&) = delete;
    OutOfService& operator=(const OutOfService&) = delete;

    // -- worker -----------------------------------------------------------------------------------
    /// What makes a system call here is the report: once for a fault or an overrun, never for a
    /// packet.
    void program_faulted(uint32_t worker, const Fault& fault);
    void chain_overran(uint32_t worker, uint32_t port, uint64_t packet_cycles);
    bool has_program(uint32_t slot) const {
        return programs_[slot].load(std::memory_order_relaxed);
    }
    bool has_port(uint32_t port) const { return ports_[port].load(std::memory_order_relaxed); }

    // -- control thread ---------------------------------------------------------------------------
    /// Readable when there are reports.
    int event_fd() const { return event_fd_; }
    /// Makes event_fd() readable; any thread.
    void wake();
    std::vector<OutReport> take_reports();
    /// The slot is another program's now; the port's chains are others.
    void restore_program(uint32_t slot) { programs_[slot].store(false, std::memory_order_relaxed); }
    void restore_port(uint32_t port) { ports_[port].store(false, std::memory_order_relaxed); }

private:
    /// From one worker to the control thread. One that does not fit is lost; what it would say is
    /// found out again in the next generation.
    using Mailbox = SpscRing<OutReport, 8>;
    void put(const OutReport& report);

    int event_fd_;
    std::vector<Mailbox> mailboxes_;
    // Relaxed: what comes a packet later finds out by itself.
    std::array<std::atomic<bool>, kProgramSlotsMax> programs_{};
    std::array<std::atomic<bool>, Counters::kPortsMax> ports_{};
};

}  // namespace weir::dataplane
