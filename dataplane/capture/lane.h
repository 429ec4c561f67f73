#pragma once
// One capture on one worker: chooses packets of a burst, keeps their bytes while their fate is
// open, and puts them into the ring once it is known. The worker's, but where said.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/capture/lane_counts.h"
#include "dataplane/capture/ring.h"
#include "dataplane/capture/selection.h"
#include "vm/base/limits.h"
#include "vm/program/context.h"
#include "vm/program/run.h"

namespace weir::dataplane::capture {

constexpr uint32_t kPortsMax = 64;

/// A packet as it lies.
struct PacketBytes {
    const uint8_t* data = nullptr;  ///< the first buffer
    uint32_t bytes = 0;
    uint32_t wire_bytes = 0;  ///< of all buffers
    std::span<const vm::Segment> segments;
};

/// What the packets of one burst have in common.
struct BurstFacts {
    uint64_t tsc = 0;
    uint64_t generation = 0;
    uint64_t first_packet_id = 0;
    uint16_t queue = 0;
    uint8_t worker = 0;
    uint8_t in_port = kNone;
};

class Lane {
public:
    /// Takes all its memory: the ring of `ring_bytes` (a power of two) and what a burst needs.
    Lane(std::shared_ptr<const Selection> selection, std::shared_ptr<Allowance> allowance,
         uint32_t worker, uint32_t ring_bytes);

    // -- the worker -------------------------------------------------------------------------------
    /// Packet `i` of the burst as it was received, before any program saw it.
    void offer_before(uint32_t i, const PacketBytes& packet, uint8_t in_port);
    /// The same packet as it leaves.
    void offer_after(uint32_t i, const PacketBytes& packet, uint8_t out_port);
    /// The burst is over: its packets' fates are known.
    void settle(const BurstFacts& facts, std::span<const Decision> decisions);
    /// A packet outside of a burst, whose fate is known.
    void take_now(Point point, const PacketBytes& packet, const BurstFacts& facts,
                  const Decision& decision);

    bool wants_before() const { return selection_->wants_before(); }
    /// Packets that were to leave, and did not.
    bool wants_not_sent() const { return selection_->wants_after() || selection_->reasons != 0; }
    /// Packets that leave, and were received elsewhere.
    bool wants_strangers() const { return !selection_->wants_before(); }

    // -- any thread -------------------------------------------------------------------------------
    Counts counts() const { return counts_.read(); }
    /// Packets that the ring refused and that belong to this port's interface.
    uint64_t refused(uint32_t port) const { return refused_[port].load(std::memory_order_relaxed); }

    // -- the writer -------------------------------------------------------------------------------
    RecordRing& ring() { return ring_; }

private:
    /// The bytes of the burst's packets at one point.
    struct Snaps {
        uint64_t open = 0;  ///< bit per packet
        std::unique_ptr<uint8_t[]> memory;
        uint32_t captured_bytes[kBurstPacketsMax];
        uint32_t wire_bytes[kBurstPacketsMax];
    };

    bool passes_filter(const PacketBytes& packet, uint8_t port);
    void keep(Snaps& snaps, uint32_t i, const PacketBytes& packet);
    uint32_t copy(uint8_t* to, const PacketBytes& packet) const;
    bool take_sample();
    void take(const RecordHeader& header, std::string_view program, const uint8_t* bytes);
    void take_kept(Point point, uint32_t i, const BurstFacts& facts, const Decision& decision);
    void publish();

    std::shared_ptr<const Selection> selection_;
    std::shared_ptr<Allowance> allowance_;
    RecordRing ring_;
    Snaps before_, after_;
    std::unique_ptr<uint8_t[]> alone_;  ///< a packet of no burst
    uint32_t sample_left_ = 0;          ///< packets to skip until the next one
    bool changed_ = false;              ///< counts or ring, since publish()
    LaneCounts counts_;
    vm::XdpContext context_{};
    vm::RunEnv env_;
    std::atomic<uint64_t> refused_[kPortsMax] = {};  ///< relaxed; written by the worker alone
};

}  // namespace weir::dataplane::capture
