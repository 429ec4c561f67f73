#pragma once
// Where captures look at a worker's packets. The packet path tells what happens, in this order; who
// wants which packet is decided here. Of a burst: begin_burst, received for each packet, judged,
// then dropped or leaves, end_burst. What is dropped before or after its burst is told alone.
//
// While no capture runs, enter_round() gives nullptr and nothing else is called.

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/capture/lane.h"

namespace weir::dataplane::capture {

/// The captures that run, on one worker. Immutable once published.
using Lanes = std::vector<Lane*>;

class Tap {
public:
    explicit Tap(uint32_t worker) : worker_(static_cast<uint8_t>(worker)) {}

    // -- control thread ---------------------------------------------------------------------------
    /// nullptr: none run. What was published before may go after a grace period (maps/reclaim.h).
    void publish(const Lanes* lanes) { published_.store(lanes, std::memory_order_release); }

    // -- the worker -------------------------------------------------------------------------------
    /// Once a round: this tap for the round, or nullptr while no capture runs.
    Tap* enter_round(uint64_t generation) {
        const Lanes* const lanes = published_.load(std::memory_order_acquire);
        if (__builtin_expect(lanes == nullptr, 1)) return nullptr;
        lanes_ = lanes;
        facts_.generation = generation;
        return this;
    }

    /// Where the packets came from that are dropped before the next burst begins.
    void polled(uint16_t queue) { facts_.queue = queue; }
    /// `verdict`: what packets count as that no program judges, or kNone.
    void begin_burst(uint32_t port, uint16_t queue, uint8_t verdict);
    /// The next packet of the burst; `packet` names it from now on.
    void received(const void* packet, const PacketBytes& bytes);
    /// Packet `i` of the burst. The last one counts. `program` lives until the end of the round.
    void judged(uint32_t i, uint32_t verdict, Hook hook, std::string_view program);
    /// Freed for this reason. A packet of no burst was not admitted at `port`, or came by a cpumap;
    /// one that is not of the burst which is open is a copy.
    void dropped(const void* packet, uint8_t reason, uint32_t port, const PacketBytes& bytes);
    /// A port's transmit buffer gave it up, perhaps rounds later.
    void not_sent(const void* packet, uint8_t reason, uint32_t port, const PacketBytes& bytes);
    /// All of the burst has this fate.
    void all_dropped(uint8_t reason);
    /// It is about to be put into `port`'s transmit buffer.
    void leaves(const void* packet, uint32_t port, const PacketBytes& bytes);
    void end_burst();

private:
    uint32_t find(const void* packet) const;
    BurstFacts facts_now(uint8_t in_port) const;

    uint8_t worker_;
    std::atomic<const Lanes*> published_{nullptr};  ///< partner: enter_round
    const Lanes* lanes_ = nullptr;                  ///< of this round
    uint64_t next_packet_id_ = 0;
    BurstFacts facts_;
    uint32_t count_ = 0;  ///< packets of the burst; 0 outside of bursts
    uint8_t verdict_ = kNone;
    const void* packets_[kBurstPacketsMax];
    Decision decisions_[kBurstPacketsMax];
};

}  // namespace weir::dataplane::capture
