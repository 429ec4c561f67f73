#pragma once
// Where a worker's time goes: receiving, programs (with their verdicts), transmitting (with
// publication and hand-over), nothing. And how long packets take from the poll that brought them to
// the end of the round that judged them: then they are with a device, with the worker that owns the
// device's queue, or dropped.
//
// Reading the time stamp counter costs as much as two packets. So while packets come without a
// break one round of kEvery is timed, and beside that each round after an empty one. Time since the
// last timed round is split as this round was, and packets since then count with its latency: all
// time and all packets are in, and what is guessed is guessed only of a worker that is never idle.

#include <rte_cycles.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dataplane/counters.h"

namespace weir::dataplane {

class RoundClock {
public:
    static constexpr uint32_t kEvery = 64;

    /// Time counts from here on.
    void start(uint64_t tsc_hz) {
        ns_per_cycle_ = 1e9 / static_cast<double>(std::max<uint64_t>(tsc_hz, 1));
        accounted_until_ = rte_rdtsc();
    }
    /// Is the next round to be timed?
    bool is_due() const { return rounds_left_ == 0; }

    // -- a timed round: begin, then received and judged for each source that had packets, then end
    void begin() {
        at_ = began_at_ = rte_rdtsc();
        polled_at_ = 0;
        split_ = {};
    }
    /// `waited_cycles`: since the worker that handed the packets over has polled them.
    void received(uint64_t waited_cycles) {
        if (polled_at_ == 0) polled_at_ = at_ - waited_cycles;
        split_.rx += lap();
    }
    void judged() { split_.program += lap(); }
    /// `packets`: judged by the worker since its start. True when it is time to publish `counts`.
    bool end(TimeCounts& counts, bool busy, uint64_t packets) {
        split_.tx += lap();
        if (is_idle_) note_idle(counts, busy ? began_at_ : at_);
        if (busy) last_ = split_;
        share(counts);
        is_idle_ = !busy;
        if (!busy) return ++empty_rounds_ % kEmptyToPublish == 0;
        if (polled_at_ != 0) counts.latency[bucket_of(at_ - polled_at_)] += packets - packets_;
        packets_ = packets;
        rounds_left_ = kEvery - 1;
        return true;
    }

    /// After a round that was not timed.
    void skip(TimeCounts& counts, bool busy) {
        --rounds_left_;
        if (__builtin_expect(busy, 1)) return;
        at_ = rte_rdtsc();
        share(counts);
        is_idle_ = true;
        rounds_left_ = 0;
    }

    /// The power of two of nanoseconds below.
    size_t bucket_of(uint64_t cycles) const {
        const double exact = static_cast<double>(cycles) * ns_per_cycle_;
        const auto ns = static_cast<uint64_t>(std::min(exact, kNsMax));
        return std::min<size_t>(static_cast<size_t>(std::bit_width(ns | 1)) - 1,
                                kLatencyBuckets - 1);
    }

private:
    static constexpr uint32_t kEmptyToPublish = 64;
    static constexpr double kNsMax = 1e18;
    struct Split {
        uint64_t rx = 0, program = 0, tx = 1;
        double whole() const { return static_cast<double>(rx + program + tx); }
    };

    uint64_t lap() {
        const uint64_t now = rte_rdtsc();
        const uint64_t taken = now - at_;
        at_ = now;
        return taken;
    }

    void note_idle(TimeCounts& counts, uint64_t until) {
        counts.idle_cycles += until - accounted_until_;
        accounted_until_ = until;
    }

    /// What is not accounted for yet, as the last timed round with packets was split.
    void share(TimeCounts& counts) {
        const uint64_t span = at_ - accounted_until_;
        accounted_until_ = at_;
        const double scale = static_cast<double>(span) / last_.whole();
        const auto rx = static_cast<uint64_t>(static_cast<double>(last_.rx) * scale);
        const auto program = static_cast<uint64_t>(static_cast<double>(last_.program) * scale);
        counts.rx_cycles += rx;
        counts.program_cycles += std::min(program, span - rx);
        counts.tx_cycles += span - rx - std::min(program, span - rx);
    }

    double ns_per_cycle_ = 1;
    uint64_t accounted_until_ = 0;  ///< all time before is in the counts
    uint64_t at_ = 0;               ///< the last look at the clock
    uint64_t began_at_ = 0;         ///< of this round
    uint64_t polled_at_ = 0;        ///< of this round's first packets; 0: none yet
    uint64_t packets_ = 0;          ///< that are in the latencies
    Split split_, last_;            ///< of this round; of the last one with packets
    uint32_t rounds_left_ = 0;      ///< until one is timed
    uint32_t empty_rounds_ = 0;
    bool is_idle_ = true;  ///< the round before was empty
};

}  // namespace weir::dataplane
