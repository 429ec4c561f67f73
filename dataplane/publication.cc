#include "dataplane/publication.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>

namespace weir::dataplane {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRestBound = std::chrono::seconds(1);  ///< a round takes microseconds

std::unique_ptr<const Generation> empty_generation(uint32_t port_count) {
    auto generation = std::make_unique<Generation>();
    generation->ports.resize(port_count);
    for (PortChains& chains : generation->ports) chains.ingress_out = OutReason::NoGeneration;
    return generation;
}

bool take_segments(const std::vector<ChainEntry>& chain) {
    return std::ranges::all_of(chain, &ChainEntry::takes_segments);
}

bool keep_frames(const std::vector<ChainEntry>& chain) {
    return std::ranges::all_of(chain, &ChainEntry::keeps_frames);
}

bool read_metadata(const std::vector<ChainEntry>& chain) {
    return std::ranges::any_of(chain, &ChainEntry::reads_metadata);
}

bool is_run(const std::vector<ChainEntry>& egress, OutReason out) {
    return !egress.empty() || out != OutReason::None;
}

BurstWay way_of(const Generation& generation, const PortChains& chains, bool by_bursts) {
    if (generation.number == 0) return BurstWay::Unfiltered;
    if (chains.ingress_out != OutReason::None) return BurstWay::Unfiltered;
    if (!by_bursts) return BurstWay::ByPacket;
    return chains.ingress.empty() ? BurstWay::Passed : BurstWay::ByBurst;
}

}  // namespace

std::unique_ptr<LiveGeneration> make_live(std::unique_ptr<const Generation> generation) {
    auto live = std::make_unique<LiveGeneration>();
    const bool every_egress =
        std::ranges::all_of(generation->ports, take_segments, &PortChains::egress);
    const bool egress_keeps =
        std::ranges::all_of(generation->ports, keep_frames, &PortChains::egress);
    for (const PortChains& chains : generation->ports) {
        if (chains.ingress.size() > 1 || is_run(chains.egress, chains.egress_out))
            live->by_bursts = false;
    }
    const bool some_egress =
        std::ranges::any_of(generation->ports, read_metadata, &PortChains::egress);
    for (const PortChains& chains : generation->ports) {
        if (generation->bypass) {
            live->ports.push_back({.way = BurstWay::Passed, .takes_segments = true});
            continue;
        }
        live->ports.push_back({.ingress = chains.ingress,
                               .egress = chains.egress,
                               .way = way_of(*generation, chains, live->by_bursts),
                               .ingress_out = chains.ingress_out,
                               .egress_out = chains.egress_out,
                               .takes_segments = every_egress && take_segments(chains.ingress),
                               .reads_metadata = some_egress || read_metadata(chains.ingress),
                               .keeps_frames = egress_keeps && keep_frames(chains.ingress)});
    }
    live->generation = std::move(generation);
    return live;
}

Publication::Publication(uint32_t port_count, uint32_t worker_count) : reports_(worker_count) {
    owned_.push_back(make_live(empty_generation(port_count)));
    current_.store(owned_.back().get(), std::memory_order_release);
}

Result<uint64_t> Publication::publish(std::unique_ptr<const Generation> generation) {
    const uint64_t number = generation->number;
    if (number <= this->number()) {
        return fail(ErrorKind::kInvalid, fmt::format("generation {} is not above the current {}",
                                                     number, this->number()));
    }
    owned_.push_back(make_live(std::move(generation)));
    const auto start = Clock::now();
    current_.store(owned_.back().get(), std::memory_order_release);
    if (const Result<void> rested = wait(number); !rested) return std::unexpected(rested.error());
    const auto taken = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
    swaps_.add(static_cast<uint64_t>(taken.count()));
    owned_.erase(owned_.begin(), owned_.end() - 1);
    return static_cast<uint64_t>(taken.count()) / 1000;
}

Result<void> Publication::wait(uint64_t number) const {
    const auto deadline = Clock::now() + kRestBound;
    for (size_t i = 0; i < reports_.size(); ++i) {
        while (reports_[i].generation.load(std::memory_order_acquire) < number) {
            if (Clock::now() > deadline) {
                return fail(
                    ErrorKind::kResource,
                    fmt::format("worker {} did not come to rest within {} s; generation {} is "
                                "published, the one before is kept",
                                i, kRestBound.count(), number));
            }
            sched_yield();
        }
    }
    return {};
}

}  // namespace weir::dataplane
