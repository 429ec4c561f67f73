#pragma once
// What a worker does while nothing comes. At first it goes on at full speed, then with pauses; then
// it sleeps, or waits for a change of the memory that the next packet changes (umwait, mwaitx), for
// a bound that devices' receive rings can bridge.

#include <rte_ring.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"

namespace weir::dataplane {

/// A source of packets, as far as one can wait for it.
struct Awaited {
    rte_ring* ring = nullptr;  ///< nullptr: the queue of the device
    uint16_t port_id = 0;      ///< DPDK's
    uint16_t queue = 0;
};

/// Why a worker with these sources cannot wait on memory, for people; empty: it can.
std::string why_no_monitor(const std::vector<Awaited>& sources);

struct IdleSetup {
    api::IdleMode mode = api::IdleMode::Poll;
    std::vector<Awaited> awaited;  ///< IdleMode::Monitor
    /// Some receive ring is a network card's, which fills it at line rate, or other workers hand
    /// packets over, which have waited already.
    bool is_short = false;
};

class Idle {
public:
    explicit Idle(IdleSetup setup) : setup_(std::move(setup)) {}

    void note_busy() { empty_rounds_ = 0; }
    /// After an empty round, on the worker's thread; returns when it is time to look again, at
    /// `deadline_ns` (CLOCK_MONOTONIC) at the latest. `is_handed`: as is_short, from now on. True:
    /// it slept. The caller holds nothing that was looked up in maps.
    bool rest(uint64_t deadline_ns, bool is_handed);

private:
    uint64_t nap_ns(uint64_t deadline_ns) const;
    bool wait_on_memory(uint64_t nap_ns);

    IdleSetup setup_;
    uint32_t empty_rounds_ = 0;
};

}  // namespace weir::dataplane
