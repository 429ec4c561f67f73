#include "dataplane/counters.h"

#include <cstring>

#include "vm/base/check.h"

namespace weir::dataplane {
namespace {

/// The first `kWords` of it.
template <size_t kWords, typename Counts>
void store_words(std::atomic<uint64_t>* to, const Counts& from) {
    const auto* words = reinterpret_cast<const uint64_t*>(&from);
    for (size_t i = 0; i < kWords; ++i) to[i].store(words[i], std::memory_order_release);
}

template <typename Counts>
void load_words(Counts& to, const std::atomic<uint64_t>* from) {
    constexpr size_t kWords = sizeof(Counts) / sizeof(uint64_t);
    uint64_t words[kWords];
    for (size_t i = 0; i < kWords; ++i) words[i] = from[i].load(std::memory_order_acquire);
    std::memcpy(&to, words, sizeof to);
}

}  // namespace

Counters::Counters(uint32_t port_count, uint32_t queue_count)
    : port_count_(port_count),
      queue_count_(queue_count),
      ports_(std::make_unique<PortCounts[]>(port_count)),
      queues_(std::make_unique<QueueCounts[]>(queue_count)),
      programs_(std::make_unique<Program[]>(kProgramSlotsMax)),
      shared_ports_(std::make_unique<Word[]>(port_count * kPortWords)),
      shared_queues_(std::make_unique<Word[]>(queue_count * kQueueWords)),
      shared_times_(std::make_unique<Word[]>(kTimeWords)),
      shared_programs_(std::make_unique<Word[]>(kProgramSlotsMax * kProgramWords)) {
    WEIR_CHECK(port_count <= kPortsMax);
    dirty_programs_.reserve(kProgramSlotsMax);
}

uint64_t Counters::packets_judged() const {
    uint64_t packets = 0;
    for (uint32_t i = 0; i < queue_count_; ++i) packets += queues_[i].packets - queues_[i].handed;
    return packets;
}

/// The words that every burst changes, and of the drops those that changed.
void Counters::publish_traffic(uint32_t port) {
    Word* const words = &shared_ports_[port * kPortWords];
    store_words<kTrafficWords>(words, ports_[port]);
    for (uint64_t left = dirty_drops_[port]; left != 0; left &= left - 1) {
        const auto reason = static_cast<uint32_t>(__builtin_ctzll(left));
        words[kDropsWord + reason].store(ports_[port].drops[reason], std::memory_order_release);
    }
    dirty_drops_[port] = 0;
}

void Counters::publish() {
    if ((dirty_traffic_ | dirty_ports_) == 0 && !queues_dirty_ && !times_dirty_ &&
        dirty_programs_.empty())
        return;
    lock_.write([this] { store_changes(); });
}

void Counters::store_changes() {
    for (uint32_t left = dirty_traffic_; left != 0; left &= left - 1)
        publish_traffic(static_cast<uint32_t>(__builtin_ctz(left)));
    for (uint32_t left = dirty_ports_; left != 0; left &= left - 1) {
        const auto port = static_cast<uint32_t>(__builtin_ctz(left));
        store_words<kPortWords>(&shared_ports_[port * kPortWords], ports_[port]);
    }
    if (queues_dirty_) {
        for (uint32_t i = 0; i < queue_count_; ++i)
            store_words<kQueueWords>(&shared_queues_[i * kQueueWords], queues_[i]);
        queues_dirty_ = false;
    }
    if (times_dirty_) {
        store_words<kTimeWords>(shared_times_.get(), times_);
        times_dirty_ = false;
    }
    for (const uint32_t slot : dirty_programs_) {
        store_words<kProgramWords>(&shared_programs_[slot * kProgramWords], programs_[slot].counts);
        programs_[slot].dirty = false;
    }
    dirty_ports_ = dirty_traffic_ = 0;
    dirty_programs_.clear();
}

Counters::State Counters::read() const {
    State state{.ports = std::vector<PortCounts>(port_count_),
                .queues = std::vector<QueueCounts>(queue_count_),
                .times = {}};
    lock_.read([&] {
        for (uint32_t i = 0; i < port_count_; ++i)
            load_words(state.ports[i], &shared_ports_[i * kPortWords]);
        for (uint32_t i = 0; i < queue_count_; ++i)
            load_words(state.queues[i], &shared_queues_[i * kQueueWords]);
        load_words(state.times, shared_times_.get());
    });
    return state;
}

ProgramCounts Counters::read_program(uint32_t slot) const {
    ProgramCounts counts;
    lock_.read([&] { load_words(counts, &shared_programs_[slot * kProgramWords]); });
    return counts;
}

}  // namespace weir::dataplane
