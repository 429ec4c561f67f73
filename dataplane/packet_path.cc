// A burst from receipt to its fates. Meaning is packet by packet; a burst runs program by program
// only where LiveGeneration::by_bursts says that this cannot be told apart.

#include "dataplane/packet.h"
#include "dataplane/scattered.h"
#include "dataplane/worker.h"

namespace weir::dataplane {

void Worker::drop(uint32_t port, uint32_t i, DropReason reason) {
    counters_.drop(port, reason, 1);
    dropped_[dropped_count_++] = burst_.packets[i];
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

inline void Worker::leave(uint32_t out, uint32_t i) {
    if (close(out, i)) transmitter_.send(out, burst_.packets[i]);
}

void Worker::watch_checksums(uint32_t port, uint32_t count) {
    PortCounts& counts = counters_.port(port);
    for (uint32_t i = 0; i < count; ++i) {
        if (burst_.contexts[i].segments != nullptr) continue;
        const ChecksumState state =
            check_layer4_checksum({burst_.contexts[i].data, burst_.contexts[i].data_end});
        counts.checksums_sampled += state != ChecksumState::Absent;
        counts.checksums_bad += state == ChecksumState::Bad;
    }
}

/// The contexts of the burst before describe buffers that are gone.
void Worker::forget_segments() {
    for (vm::XdpContext& context : burst_.contexts) {
        context.segments = nullptr;
        context.segment_count = 0;
    }
    burst_.has_segments = false;
}

/// Counts what came in and opens the packets that a program may see.
void Worker::admit(RxSource& source, uint16_t count, bool takes_segments) {
    if (__builtin_expect(burst_.has_segments, 0)) forget_segments();
    const uint32_t ifindex = setup_.ports[source.port].ifindex;
    const uint32_t queue = source.queue;
    uint64_t bytes = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
        rte_mbuf* packet = burst_.packets[i];
        bytes += packet->pkt_len;
        if (__builtin_expect(is_unusual(*packet), 0)) {
            DropReason reason = DropReason::runt;
            if (!make_usual(*packet, takes_segments, reason)) {
                drop(source.port, i, reason);
                continue;
            }
        }
        vm::XdpContext& context = burst_.contexts[kept];
        open_packet(*packet, context);
        context.ingress_ifindex = ifindex;
        context.rx_queue_index = queue;
        context.egress_ifindex = 0;
        if (__builtin_expect(packet->nb_segs != 1, 0)) {
            open_scattered(*packet, burst_.segments[kept], context);
            burst_.has_segments = true;
        }
        burst_.packets[kept++] = packet;
    }
    PortTraffic& counts = counters_.traffic(source.port);
    counts.rx += count;
    counts.rx_bytes += bytes;
    burst_.count = kept;
    if (const uint32_t sampled = source.sampler.take(kept); sampled != 0)
        watch_checksums(source.port, sampled);
}

void Worker::receive(RxSource& source, uint16_t count, const LiveGeneration& live) {
    const uint32_t port = source.port;
    const PortPlan& plan = live.ports[port];
    admit(source, count, plan.takes_segments);
    if (__builtin_expect(live.number() == 0, 0)) {
        settle_all(port, setup_.ports[port].fail_open ? fate_of(port, vm::XDP_PASS, 0)
                                                      : Fate{.reason = DropReason::no_generation});
    } else if (WorkerTrace* trace = trace_.load(std::memory_order_acquire);
               __builtin_expect(trace != nullptr, 0) && judge_traced(source, live, *trace)) {
        // Some of the burst is traced: that has judged all of it.
    } else if (!live.by_bursts) {
        judge_by_packet(port, live);
    } else if (plan.ingress.empty()) {
        counters_.traffic(port).verdicts[vm::XDP_PASS] += burst_.count;
        settle_all(port, fate_of(port, vm::XDP_PASS, 0));
    } else {
        judge_by_burst(port, plan.ingress.front());
    }
    if (dropped_count_ != 0) {
        free_packets(dropped_, dropped_count_);
        dropped_count_ = 0;
    }
}

/// One fate for the whole burst.
void Worker::settle_all(uint32_t port, Fate fate) {
    const uint32_t count = burst_.count;
    if (count == 0) return;
    if (fate.out != Fate::kNowhere) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; ++i) {
            if (close(fate.out, i)) burst_.packets[kept++] = burst_.packets[i];
        }
        transmitter_.send_burst(fate.out, {burst_.packets, kept});
        return;
    }
    counters_.drop(port, fate.reason, count);
    free_packets(burst_.packets, count);
}

void Worker::settle_each(uint32_t port) {
    for (uint32_t i = 0; i < burst_.count; ++i) {
        const Fate fate = fate_of(port, burst_.verdicts[i], burst_.redirects[i]);
        if (fate.out != Fate::kNowhere) {
            leave(fate.out, i);
        } else {
            drop(port, i, fate.reason);
        }
    }
}

void Worker::judge_by_burst(uint32_t port, const ChainEntry& entry) {
    const uint32_t count = burst_.count;
    if (count == 0) return;
    entry.program->run_burst({burst_.contexts, count}, {burst_.verdicts, count},
                             {burst_.redirects, count}, env_);
    ProgramCounts& program = counters_.program(entry.slot);
    PortTraffic& counts = counters_.traffic(port);
    program.runs += count;
    const uint32_t first = burst_.verdicts[0];
    uint32_t different = 0;
    for (uint32_t i = 1; i < count; ++i) different |= burst_.verdicts[i] ^ first;
    if (different == 0 && first != vm::XDP_REDIRECT) {  // most bursts: traffic comes in trains
        program.verdicts[verdict_index(first)] += count;
        counts.verdicts[verdict_index(first)] += count;
        settle_all(port, fate_of(port, first, 0));
        return;
    }
    for (uint32_t i = 0; i < count; ++i) {
        ++program.verdicts[verdict_index(burst_.verdicts[i])];
        ++counts.verdicts[verdict_index(burst_.verdicts[i])];
    }
    settle_each(port);
}

uint32_t Worker::run_chain(std::span<const ChainEntry> chain, vm::XdpContext& context) {
    for (const ChainEntry& entry : chain) {
        env_.redirect_ifindex = 0;
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

/// The port that it left for, or Fate::kNowhere.
uint32_t Worker::judge_packet(uint32_t port, const LiveGeneration& live, uint32_t i) {
    const uint32_t verdict = run_chain(live.ports[port].ingress, burst_.contexts[i]);
    ++counters_.traffic(port).verdicts[verdict_index(verdict)];
    const Fate fate = fate_of(port, verdict, env_.redirect_ifindex);
    if (fate.out == Fate::kNowhere) {
        drop(port, i, fate.reason);
    } else if (live.ports[fate.out].egress.empty()) {
        leave(fate.out, i);
    } else {
        leave_by_chain(fate.out, i, live.ports[fate.out].egress);
    }
    return fate.out;
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
            for (uint32_t out = 0; out < setup_.ports.size(); ++out) {
                if (setup_.ports[out].ifindex == redirect) return {.out = out};
            }
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
    const uint32_t verdict = run_chain(egress, burst_.contexts[i]);
    if (verdict == vm::XDP_PASS) {
        leave(out, i);
    } else {
        drop(out, i,
             verdict == vm::XDP_DROP ? DropReason::egress_drop : DropReason::egress_aborted);
    }
}

}  // namespace weir::dataplane
