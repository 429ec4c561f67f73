#include "dataplane/capture/tap.h"

#include <rte_cycles.h>

#include <algorithm>

#include "vm/base/check.h"

namespace weir::dataplane::capture {
namespace {

constexpr uint32_t kVerdicts = 5;
constexpr uint32_t kWorkerShift = 56;
static_assert(kWorkersMax <= 1u << (64 - kWorkerShift));

}  // namespace

BurstFacts Tap::facts_now(uint8_t in_port) const {
    return {.tsc = rte_rdtsc(),
            .generation = facts_.generation,
            .first_packet_id = uint64_t{worker_} << kWorkerShift | next_packet_id_,
            .queue = facts_.queue,
            .worker = worker_,
            .in_port = in_port};
}

void Tap::begin_burst(uint32_t port, uint16_t queue, uint8_t verdict) {
    facts_.queue = queue;
    facts_ = facts_now(static_cast<uint8_t>(port));
    next_packet_id_ += kBurstPacketsMax;  // so that copies meanwhile have ids of their own
    verdict_ = verdict;
    count_ = 0;
}

void Tap::received(const void* packet, const PacketBytes& bytes) {
    WEIR_CHECK(count_ < kBurstPacketsMax);
    const uint32_t i = count_++;
    packets_[i] = packet;
    decisions_[i] = {.verdict = verdict_, .program = {}};
    for (Lane* lane : *lanes_) lane->offer_before(i, bytes, facts_.in_port);
}

void Tap::judged(uint32_t i, uint32_t verdict, Hook hook, std::string_view program) {
    Decision& decision = decisions_[i];
    decision.verdict = static_cast<uint8_t>(verdict < kVerdicts ? verdict : 0);
    decision.hook = hook;
    decision.program = program;
}

uint32_t Tap::find(const void* packet) const {
    return static_cast<uint32_t>(std::find(packets_, packets_ + count_, packet) - packets_);
}

void Tap::dropped(const void* packet, uint8_t reason, uint32_t port, const PacketBytes& bytes) {
    if (const uint32_t i = find(packet); i < count_) {
        decisions_[i].reason = reason;
        return;
    }
    if (count_ != 0) return not_sent(packet, reason, port, bytes);  // a copy of one of the burst
    const BurstFacts facts = facts_now(static_cast<uint8_t>(port));
    ++next_packet_id_;
    const Decision decision{.reason = reason, .program = {}};
    for (Lane* lane : *lanes_)
        if (lane->wants_before()) lane->take_now(Point::Before, bytes, facts, decision);
}

void Tap::not_sent(const void* packet, uint8_t reason, uint32_t port, const PacketBytes& bytes) {
    if (const uint32_t i = find(packet); i < count_) {
        decisions_[i].reason = reason;
        return;
    }
    const BurstFacts facts = facts_now(kNone);
    ++next_packet_id_;
    const Decision decision{
        .reason = reason, .out_port = static_cast<uint8_t>(port), .program = {}};
    for (Lane* lane : *lanes_)
        if (lane->wants_not_sent()) lane->take_now(Point::After, bytes, facts, decision);
}

void Tap::all_dropped(uint8_t reason) {
    for (uint32_t i = 0; i < count_; ++i) decisions_[i].reason = reason;
}

void Tap::leaves(const void* packet, uint32_t port, const PacketBytes& bytes) {
    const auto out = static_cast<uint8_t>(port);
    if (const uint32_t i = find(packet); i < count_) {
        decisions_[i].out_port = out;
        for (Lane* lane : *lanes_) lane->offer_after(i, bytes, out);
        return;
    }
    // A copy, or a packet that was in no burst of this worker.
    const BurstFacts facts = facts_now(facts_.in_port);
    ++next_packet_id_;
    const Decision decision{.out_port = out, .program = {}};
    for (Lane* lane : *lanes_)
        if (lane->wants_strangers()) lane->take_now(Point::After, bytes, facts, decision);
}

void Tap::end_burst() {
    for (Lane* lane : *lanes_) lane->settle(facts_, {decisions_, count_});
    count_ = 0;
    facts_.in_port = kNone;  // what comes until the next burst came some other way
    facts_.queue = 0;
}

}  // namespace weir::dataplane::capture
