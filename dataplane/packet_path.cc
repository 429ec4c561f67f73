// A burst from receipt to its fates. Meaning is packet by packet; a burst runs program by program
// only where LiveGeneration::by_bursts says that this cannot be told apart.

#include <rte_cycles.h>

#include "dataplane/packet.h"
#include "dataplane/packet_trace.h"
#include "dataplane/scattered.h"
#include "dataplane/tapping.h"
#include "dataplane/worker.h"

namespace weir::dataplane {
namespace {

inline uint32_t count_of(std::span<const uint32_t> verdicts, uint32_t verdict) {
    uint32_t count = 0;
    for (const uint32_t each : verdicts) count += each == verdict;
    return count;
}

inline uint64_t bytes_of(std::span<rte_mbuf* const> packets) {
    uint64_t bytes = 0;
    for (const rte_mbuf* packet : packets) bytes += packet->pkt_len;
    return bytes;
}

}  // namespace

/// `tapped`: a capture runs. Asked once where a burst's packets have fates of their own.
template <bool tapped>
inline void Worker::drop_as(uint32_t port, uint32_t i, DropReason reason) {
    counters_.drop(port, reason, 1);
    dropped_[dropped_count_++] = burst_.packets[i];
    if constexpr (tapped) {
        guard_.leave();  // captures run filters of their own
        tap_dropped(*tap_now_, *burst_.packets[i], port, reason);
    }
}

void Worker::drop(uint32_t port, uint32_t i, DropReason reason) {
    if (__builtin_expect(recording_ != nullptr, 0))
        recording_->note({PacketFate::Kind::Dropped, reason, port});
    if (__builtin_expect(tap_now_ == nullptr, 1))
        drop_as<false>(port, i, reason);
    else
        drop_as<true>(port, i, reason);
}

/// False: the packet fits into its buffer no more, and was dropped.
inline bool Worker::close(uint32_t out, uint32_t i) {
    rte_mbuf& packet = *burst_.packets[i];
    if (__builtin_expect(lies_as_received(packet, burst_.contexts[i]), 1)) {
        close_packet(packet, burst_.contexts[i]);
        return true;
    }
    return close_slowly(out, i);
}

bool Worker::close_slowly(uint32_t out, uint32_t i) {
    switch (close_any_packet(*burst_.packets[i], burst_.contexts[i])) {
        case Closed::InPlace: return true;
        case Closed::Moved: ++counters_.port(out).heads_moved; return true;
        case Closed::TooLong: break;
    }
    drop(out, i, DropReason::too_long);
    return false;
}

template <bool tapped>
inline void Worker::leave_as(uint32_t out, uint32_t i) {
    if (!close(out, i)) return;
    if constexpr (tapped) {
        guard_.leave();
        tap_leaves(*tap_now_, *burst_.packets[i], out);
    }
    transmitter_.send(out, burst_.packets[i]);
}

/// As leave_as, of a packet that is traced.
void Worker::leave_traced(uint32_t out, uint32_t i) {
    if (!close(out, i)) return;
    if (tap_now_ != nullptr) {
        guard_.leave();
        tap_leaves(*tap_now_, *burst_.packets[i], out);
    }
    recording_->note({PacketFate::Kind::Left, {}, out});
    transmitter_.send(out, burst_.packets[i]);
}

inline void Worker::leave(uint32_t out, uint32_t i) {
    if (__builtin_expect(recording_ != nullptr, 0))
        leave_traced(out, i);
    else if (__builtin_expect(tap_now_ == nullptr, 1))
        leave_as<false>(out, i);
    else
        leave_as<true>(out, i);
}

/// For what is not in this file.
void Worker::leave_by(uint32_t out, uint32_t i) {
    leave(out, i);
}

void Worker::watch_checksums(uint32_t port, uint32_t count) {
    PortCounts& counts = counters_.port(port);
    for (uint32_t i = 0; i < count; ++i) {
        if (burst_.contexts[i].segments != nullptr) continue;
        const ChecksumState state =
            check_layer4_checksum({burst_.contexts[i].data, burst_.contexts[i].data_end});
        counts.checksums_bad += state == ChecksumState::Bad;
    }
}

void Worker::complete_checksums(uint32_t port) {
    uint32_t completed = 0;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        const vm::XdpContext& context = burst_.contexts[i];
        if (context.segments == nullptr)
            completed += complete_layer4_checksum({context.data, context.data_end});
    }
    if (completed != 0) counters_.port(port).checksums_completed += completed;
}

/// The contexts of the burst before describe buffers that are gone.
void Worker::forget_segments() {
    for (vm::XdpContext& context : burst_.contexts) {
        context.segments = nullptr;
        context.segment_count = 0;
    }
    burst_.has_segments = false;
}

/// What all packets of a source have in common stays in the contexts for as long as bursts come
/// from there.
void Worker::name_contexts(const RxSource& source) {
    for (vm::XdpContext& context : burst_.contexts) {
        context.ingress_ifindex = setup_.ports[source.port].ifindex;
        context.rx_queue_index = source.queue;
    }
    burst_.named_for = &source;
}

/// Opens the packets that a program may see, of a burst with some that are not plain.
void Worker::admit_each(const RxSource& source, uint16_t count, bool takes_segments) {
    if (tap_now_ != nullptr) tap_now_->polled(source.queue);
    uint64_t bytes = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
        rte_mbuf* packet = burst_.packets[i];
        bytes += packet->pkt_len;
        if (is_unusual(*packet)) {
            DropReason reason = DropReason::runt;
            if (!make_usual(*packet, takes_segments, reason)) {
                drop(source.port, i, reason);
                continue;
            }
        }
        vm::XdpContext& context = burst_.contexts[kept];
        open_packet(*packet, context);
        if (packet->nb_segs != 1) {
            open_scattered(*packet, burst_.segments[kept], context);
            burst_.has_segments = true;
        }
        burst_.packets[kept++] = packet;
    }
    burst_.seen.bytes = bytes;
    burst_.count = kept;
}

/// Counts what came in and opens the packets that a program may see.
void Worker::admit(RxSource& source, uint16_t count, const PortPlan& plan) {
    if (__builtin_expect(burst_.has_segments, 0)) forget_segments();
    if (__builtin_expect(burst_.named_for != &source, 0)) name_contexts(source);
    burst_.seen = plan.keeps_frames ? open_burst<false>(burst_.packets, count, burst_.contexts)
                                    : open_burst<true>(burst_.packets, count, burst_.contexts);
    burst_.count = count;
    if (__builtin_expect(burst_.seen.pool == nullptr, 0))
        admit_each(source, count, plan.takes_segments);
    PortTraffic& counts = counters_.traffic(source.port);
    counts.rx += count;
    counts.rx_bytes += burst_.seen.bytes;
    if (__builtin_expect(source.completes_checksums, 0)) complete_checksums(source.port);
    if (const uint32_t sampled = source.sampler.take(burst_.count); sampled != 0)
        watch_checksums(source.port, sampled);
}

/// What the device said of each packet, for programs that ask.
void Worker::describe_packets() {
    for (uint32_t i = 0; i < burst_.count; ++i) {
        burst_.metadata[i] = rx_metadata_.of(*burst_.packets[i]);
        burst_.contexts[i].metadata = &burst_.metadata[i];
    }
}

void Worker::receive(RxSource& source, uint16_t count, const LiveGeneration& live) {
    const uint32_t port = source.port;
    const PortPlan& plan = live.ports[port];
    bool is_bounded = setup_.ports[port].chain_budget_cycles != 0 &&
                      (plan.way == BurstWay::ByBurst || plan.way == BurstWay::ByPacket);
    const uint64_t start = __builtin_expect(is_bounded, 0) ? rte_rdtsc() : 0;
    admit(source, count, plan);
    if (__builtin_expect(plan.reads_metadata, 0)) describe_packets();
    run_.port = port;
    if (__builtin_expect(tap_now_ != nullptr, 0)) {
        tap_burst(source, live);
        is_bounded = false;  // writing down takes time that is not the programs'
    }
    if (__builtin_expect(live.has_trouble.load(std::memory_order_relaxed), 0)) {
        judge_around(port, live, 0);
    } else if (WorkerTrace* trace = trace_.load(std::memory_order_acquire);
               __builtin_expect(trace != nullptr, 0) && plan.way != BurstWay::Unfiltered &&
               judge_traced(source, live, *trace)) {
        is_bounded = false;  // as above
    } else {
        switch (plan.way) {
            case BurstWay::ByBurst: judge_by_burst(port, plan); break;
            case BurstWay::ByPacket: judge_by_packet(port, live); break;
            case BurstWay::Passed:
                counters_.traffic(port).verdicts[vm::XDP_PASS] += burst_.count;
                settle_all(port, fate_of(port, vm::XDP_PASS, 0), true);
                break;
            case BurstWay::Unfiltered: settle_unfiltered(port, live); break;
        }
    }
    guard_.leave();
    if (__builtin_expect(tap_now_ != nullptr, 0)) tap_now_->end_burst();
    if (dropped_count_ != 0) free_dropped();
    if (__builtin_expect(env_.aborts.count != 0, 0)) count_aborts();
    if (__builtin_expect(is_bounded, 0)) note_cycles(port, rte_rdtsc() - start);
}

void Worker::free_dropped() {
    free_packets(dropped_, dropped_count_);
    dropped_count_ = 0;
}

/// Takes over what programs changed; packets that fit no more are dropped.
void Worker::close_all(uint32_t out) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        if (close(out, i)) burst_.packets[kept++] = burst_.packets[i];
    }
    burst_.count = kept;
}

/// One fate for the whole burst. `keeps_frames`: no program changed one.
void Worker::settle_all(uint32_t port, Fate fate, bool keeps_frames) {
    if (burst_.count == 0) return;
    const BurstSummary& seen = burst_.seen;
    if (fate.out != Fate::kNowhere) {
        const bool is_closed = keeps_frames && seen.pool != nullptr;
        if (!is_closed) close_all(fate.out);
        if (__builtin_expect(tap_now_ != nullptr, 0)) tap_leave_all(fate.out);
        if (is_closed) {
            transmitter_.send_burst(fate.out, {burst_.packets, burst_.count}, seen.bytes,
                                    seen.longest);
        } else {
            transmitter_.send_burst(fate.out, {burst_.packets, burst_.count});
        }
        return;
    }
    counters_.drop(port, fate.reason, burst_.count);
    if (__builtin_expect(tap_now_ != nullptr, 0))
        tap_now_->all_dropped(static_cast<uint8_t>(fate.reason));
    if (seen.pool != nullptr) {
        free_plain(seen.pool, burst_.packets, burst_.count);
    } else {
        free_packets(burst_.packets, burst_.count);
    }
}

/// Packets that leave by one port, all for one reason, and packets dropped: traffic that a filter
/// sifts. Without a branch on the verdict, which nobody could predict.
void Worker::settle_two_ways(uint32_t port, uint32_t leaving_verdict) {
    const Fate fate = fate_of(port, leaving_verdict, 0);
    uint32_t leaving = 0, staying = 0;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        rte_mbuf* const packet = burst_.packets[i];
        const bool leaves = burst_.verdicts[i] != vm::XDP_DROP;
        dropped_[staying] = packet;
        burst_.packets[leaving] = packet;
        leaving += leaves;
        staying += !leaves;
    }
    const BurstSummary& seen = burst_.seen;
    const uint64_t bytes = staying < leaving ? seen.bytes - bytes_of({dropped_, staying})
                                             : bytes_of({burst_.packets, leaving});
    counters_.drop(port, DropReason::xdp_drop, staying);
    free_plain(seen.pool, dropped_, staying);
    if (fate.out != Fate::kNowhere) {
        transmitter_.send_burst(fate.out, {burst_.packets, leaving}, bytes, seen.longest);
    } else {
        counters_.drop(port, fate.reason, leaving);
        free_plain(seen.pool, burst_.packets, leaving);
    }
}

template <bool tapped>
void Worker::settle_each_as(uint32_t port) {
    for (uint32_t i = 0; i < burst_.count; ++i) {
        const Fate fate = fate_of(port, burst_.verdicts[i], burst_.redirects[i]);
        if (fate.out != Fate::kNowhere) {
            leave_as<tapped>(fate.out, i);
        } else {
            drop_as<tapped>(port, i, fate.reason);
        }
    }
}

void Worker::settle_each(uint32_t port) {
    tap_now_ == nullptr ? settle_each_as<false>(port) : settle_each_as<true>(port);
}

void Worker::judge_by_burst(uint32_t port, const PortPlan& plan) {
    const ChainEntry& entry = plan.ingress.front();
    const uint32_t count = burst_.count;
    if (count == 0) return;
    run_.entry = &entry;
    run_.out = Run::kStillIn;
    run_.first = 0;
    run_.last = count;
    guard_.enter(entry.slot);
    entry.program->run_burst({burst_.contexts, count}, {burst_.verdicts, count},
                             {burst_.redirects, count}, env_);
    if (__builtin_expect(tap_now_ != nullptr, 0)) tap_verdicts(entry);
    if (__builtin_expect(env_.map_redirects != map_redirects_, 0))
        return settle_by_maps(port, entry);
    ProgramCounts& program = counters_.program(entry.slot);
    program.runs += count;
    const uint32_t first = burst_.verdicts[0];
    uint32_t different = 0;
    for (uint32_t i = 1; i < count; ++i) different |= burst_.verdicts[i] ^ first;
    if (different == 0 && first != vm::XDP_REDIRECT) {  // most bursts: traffic comes in trains
        program.verdicts[verdict_index(first)] += count;
        counters_.traffic(port).verdicts[verdict_index(first)] += count;
        settle_all(port, fate_of(port, first, 0), plan.keeps_frames);
    } else {
        settle_mixed(port, program, plan.keeps_frames);
    }
}

void Worker::settle_mixed(uint32_t port, ProgramCounts& program, bool keeps_frames) {
    // Passed over three times, each of which is a few instructions on vectors.
    const std::span<const uint32_t> verdicts(burst_.verdicts, burst_.count);
    const uint32_t passed = count_of(verdicts, vm::XDP_PASS);
    const uint32_t dropped = count_of(verdicts, vm::XDP_DROP);
    const uint32_t turned = count_of(verdicts, vm::XDP_TX);
    if (passed + dropped + turned != burst_.count) {
        count_each(port, program);
        return settle_each(port);
    }
    for (uint64_t* counts : {program.verdicts, counters_.traffic(port).verdicts}) {
        counts[vm::XDP_PASS] += passed;
        counts[vm::XDP_DROP] += dropped;
        counts[vm::XDP_TX] += turned;
    }
    // A capture wants to hear of each packet.
    const bool is_plain = keeps_frames && burst_.seen.pool != nullptr && tap_now_ == nullptr;
    if (is_plain && (passed == 0 || turned == 0)) {
        settle_two_ways(port, passed != 0 ? vm::XDP_PASS : vm::XDP_TX);
    } else {
        settle_each(port);
    }
}

void Worker::count_each(uint32_t port, ProgramCounts& program) {
    constexpr uint32_t kBits = 8;  // per verdict, in one word: counting in memory would wait
    static_assert(kRxBurstPackets < 1u << kBits && kVerdicts * kBits <= 64);
    uint64_t counted = 0;
    for (uint32_t i = 0; i < burst_.count; ++i)
        counted += uint64_t{1} << (kBits * verdict_index(burst_.verdicts[i]));
    PortTraffic& counts = counters_.traffic(port);
    for (uint32_t verdict = 0; verdict < kVerdicts; ++verdict, counted >>= kBits) {
        const uint64_t packets = counted & ((1u << kBits) - 1);
        program.verdicts[verdict] += packets;
        counts.verdicts[verdict] += packets;
    }
}

uint32_t Worker::run_chain(std::span<const ChainEntry> chain, vm::XdpContext& context) {
    for (const ChainEntry& entry : chain) {
        run_.entry = &entry;
        guard_.enter(entry.slot);
        const uint32_t verdict = __builtin_expect(recording_ == nullptr, 1)
                                     ? entry.program->run(context, env_)
                                     : run_traced(entry, context);
        ProgramCounts& counts = counters_.program(entry.slot);
        ++counts.runs;
        ++counts.verdicts[verdict_index(verdict)];
        if (verdict != vm::XDP_PASS) return verdict;
    }
    return vm::XDP_PASS;
}

void Worker::judge_packet(uint32_t port, const LiveGeneration& live, uint32_t i) {
    run_.entry = nullptr;
    run_.out = Run::kStillIn;
    run_.first = i;
    run_.last = i + 1;
    const uint32_t verdict = run_chain(live.ports[port].ingress, burst_.contexts[i]);
    if (__builtin_expect(tap_now_ != nullptr, 0)) tap_verdict(i, verdict, capture::Hook::Ingress);
    ++counters_.traffic(port).verdicts[verdict_index(verdict)];
    settle(port, i, verdict, env_.redirect_ifindex, env_.redirect_to);
}

/// By the port `out`, over its egress chain.
void Worker::send_off(uint32_t out, uint32_t i) {
    const PortPlan& plan = live_->ports[out];
    if (__builtin_expect(live_->has_trouble.load(std::memory_order_relaxed), 0)) {
        leave_around(out, i, plan.egress, plan.egress_out);
    } else if (!plan.egress.empty()) {
        leave_by_chain(out, i, plan.egress);
    } else if (__builtin_expect(plan.egress_out != OutReason::None, 0)) {
        leave_around(out, i, {}, plan.egress_out);
    } else {
        leave(out, i);
    }
}

void Worker::judge_by_packet(uint32_t port, const LiveGeneration& live) {
    for (uint32_t i = 0; i < burst_.count; ++i) judge_packet(port, live, i);
}

Worker::Fate Worker::fate_of(uint32_t port, uint32_t verdict, uint32_t redirect) const {
    switch (verdict) {
        case vm::XDP_PASS:
            if (setup_.ports[port].pass_port == PortRule::kPassDrops)
                return {.reason = DropReason::pass_drop};
            return {.out = setup_.ports[port].pass_port};
        case vm::XDP_TX: return {.out = port};
        case vm::XDP_REDIRECT:
            if (const uint32_t out = port_with(redirect); out != Fate::kNowhere)
                return {.out = out};
            return {.reason = redirect == vm::kRedirectToSocket
                                  ? DropReason::redirect_no_socket
                                  : DropReason::redirect_unknown_port};
        case vm::XDP_DROP: return {.reason = DropReason::xdp_drop};
        case vm::XDP_ABORTED: return {.reason = DropReason::xdp_aborted};
    }
    return {.reason = DropReason::invalid_verdict};
}

void Worker::leave_by_chain(uint32_t out, uint32_t i, std::span<const ChainEntry> egress) {
    burst_.contexts[i].egress_ifindex = setup_.ports[out].ifindex;
    run_.out = out;
    const uint32_t verdict = run_chain(egress, burst_.contexts[i]);
    burst_.contexts[i].egress_ifindex = 0;  // as an ingress program of the next burst must see it
    ++counters_.port(out).egress_verdicts[verdict_index(verdict)];
    if (verdict == vm::XDP_PASS) {
        leave(out, i);
    } else {
        if (__builtin_expect(tap_now_ != nullptr, 0))
            tap_verdict(i, verdict, capture::Hook::Egress);
        drop(out, i,
             verdict == vm::XDP_DROP ? DropReason::egress_drop : DropReason::egress_aborted);
    }
}

}  // namespace weir::dataplane
