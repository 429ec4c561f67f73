// A burst from receipt to its fates. Meaning is packet by packet; a burst runs program by program
// only where LiveGeneration::by_bursts says that this cannot be told apart.

#include "dataplane/packet.h"
#include "dataplane/worker.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;

}  // namespace

void Worker::drop(uint32_t port, uint32_t i, DropReason reason) {
    ++counters_.port(port).drops[static_cast<size_t>(reason)];
    dropped_[dropped_count_++] = burst_.packets[i];
}

void Worker::watch_checksums(uint32_t port, uint32_t from, uint32_t count) {
    PortCounts& counts = counters_.port(port);
    for (uint32_t i = from; i < from + count; ++i) {
        const rte_mbuf& packet = *burst_.packets[i];
        const ChecksumState state =
            check_layer4_checksum({rte_pktmbuf_mtod(&packet, const uint8_t*), packet.data_len});
        counts.checksums_sampled += state != ChecksumState::Absent;
        counts.checksums_bad += state == ChecksumState::Bad;
    }
}

/// Counts what came in and keeps the packets that a program may see.
void Worker::admit(RxSource& source, uint16_t count) {
    PortCounts& counts = counters_.port(source.port);
    uint64_t bytes = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
        rte_mbuf* packet = burst_.packets[i];
        bytes += packet->pkt_len;
        if (__builtin_expect(is_unusual(*packet), 0)) {
            DropReason reason = DropReason::runt;
            if (!make_usual(*packet, reason)) {
                drop(source.port, i, reason);
                continue;
            }
        }
        burst_.packets[kept++] = packet;
    }
    counts.rx += count;
    counts.rx_bytes += bytes;
    burst_.count = kept;
    if (const uint32_t sampled = source.sampler.take(kept); sampled != 0)
        watch_checksums(source.port, 0, sampled);
}

void Worker::open_burst(const RxSource& source) {
    const uint32_t ifindex = setup_.ports[source.port].ifindex;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        vm::XdpContext& context = burst_.contexts[i];
        open_packet(*burst_.packets[i], context);
        context.ingress_ifindex = ifindex;
        context.rx_queue_index = source.queue;
        context.egress_ifindex = 0;
    }
}

void Worker::receive(RxSource& source, uint16_t count, const LiveGeneration& live) {
    admit(source, count);
    const PortPlan& plan = live.ports[source.port];
    if (__builtin_expect(live.number() == 0, 0)) {
        without_generation(source.port);
    } else if (!live.by_bursts) {
        open_burst(source);
        judge_by_packet(source.port, live);
    } else if (plan.ingress.empty()) {
        counters_.port(source.port).verdicts[vm::XDP_PASS] += burst_.count;
        pass_all(source.port);
    } else {
        open_burst(source);
        judge_by_burst(source.port, plan.ingress.front());
    }
    if (dropped_count_ != 0) {
        rte_pktmbuf_free_bulk(dropped_, dropped_count_);
        dropped_count_ = 0;
    }
}

void Worker::without_generation(uint32_t port) {
    if (setup_.ports[port].fail_open) {
        pass_all(port);
        return;
    }
    for (uint32_t i = 0; i < burst_.count; ++i) drop(port, i, DropReason::no_generation);
}

void Worker::pass_all(uint32_t port) {
    const uint32_t out = setup_.ports[port].pass_port;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        if (out == PortRule::kPassDrops) {
            drop(port, i, DropReason::pass_drop);
        } else {
            transmitter_.send(out, burst_.packets[i]);
        }
    }
}

void Worker::judge_by_burst(uint32_t port, const ChainEntry& entry) {
    const uint32_t count = burst_.count;
    if (count == 0) return;
    entry.program->run_burst({burst_.contexts, count}, {burst_.verdicts, count},
                             {burst_.redirects, count}, env_);
    ProgramCounts& program = counters_.program(entry.slot);
    uint64_t verdicts[kVerdicts] = {};
    for (uint32_t i = 0; i < count; ++i) {
        ++verdicts[verdict_index(burst_.verdicts[i])];
        const uint32_t out = destination(port, i, burst_.verdicts[i], burst_.redirects[i]);
        if (out != kNowhere) leave(out, i);
    }
    PortCounts& counts = counters_.port(port);
    program.runs += count;
    for (size_t v = 0; v < kVerdicts; ++v) {
        program.verdicts[v] += verdicts[v];
        counts.verdicts[v] += verdicts[v];
    }
}

uint32_t Worker::run_chain(std::span<const ChainEntry> chain, vm::XdpContext& context) {
    for (const ChainEntry& entry : chain) {
        env_.redirect_ifindex = 0;
        const uint32_t verdict = entry.program->run(context, env_);
        ProgramCounts& counts = counters_.program(entry.slot);
        ++counts.runs;
        ++counts.verdicts[verdict_index(verdict)];
        if (verdict != vm::XDP_PASS) return verdict;
    }
    return vm::XDP_PASS;
}

void Worker::judge_by_packet(uint32_t port, const LiveGeneration& live) {
    const PortPlan& plan = live.ports[port];
    for (uint32_t i = 0; i < burst_.count; ++i) {
        const uint32_t verdict = run_chain(plan.ingress, burst_.contexts[i]);
        ++counters_.port(port).verdicts[verdict_index(verdict)];
        const uint32_t out = destination(port, i, verdict, env_.redirect_ifindex);
        if (out == kNowhere) continue;
        if (live.ports[out].egress.empty()) {
            leave(out, i);
        } else {
            leave_by_chain(out, i, live.ports[out].egress);
        }
    }
}

uint32_t Worker::destination(uint32_t port, uint32_t i, uint32_t verdict, uint32_t redirect) {
    DropReason reason = DropReason::invalid_verdict;
    switch (verdict) {
        case vm::XDP_PASS:
            if (setup_.ports[port].pass_port != PortRule::kPassDrops)
                return setup_.ports[port].pass_port;
            reason = DropReason::pass_drop;
            break;
        case vm::XDP_TX: return port;
        case vm::XDP_REDIRECT:
            for (uint32_t out = 0; out < setup_.ports.size(); ++out) {
                if (setup_.ports[out].ifindex == redirect) return out;
            }
            reason = DropReason::redirect_unknown_port;
            break;
        case vm::XDP_DROP: reason = DropReason::xdp_drop; break;
        case vm::XDP_ABORTED: reason = DropReason::xdp_aborted; break;
    }
    drop(port, i, reason);
    return kNowhere;
}

void Worker::leave(uint32_t out, uint32_t i) {
    if (__builtin_expect(!close_packet(*burst_.packets[i], burst_.contexts[i]), 0)) {
        drop(out, i, DropReason::too_long);
        return;
    }
    transmitter_.send(out, burst_.packets[i]);
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
