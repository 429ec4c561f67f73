// XDP_REDIRECT by a map: devmaps with their programs and broadcasts, cpumaps and the packets that
// come by them. In the order of xdp_do_redirect, dev_map_enqueue_multi, bq_xmit_all and
// cpu_map_bpf_prog_run_xdp (net/core/filter.c, kernel/bpf/devmap.c, kernel/bpf/cpumap.c).

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/bound_program.h"
#include "dataplane/packet.h"
#include "dataplane/packet_trace.h"
#include "dataplane/tapping.h"
#include "dataplane/worker.h"
#include "maps/devmap.h"
#include "vm/base/check.h"
#include "vm/program/redirect_kinds.h"

namespace weir::dataplane {
namespace {

constexpr uint32_t kTakenAtOnce = kRxBurstPackets;  ///< of one queue, in a round

const maps::TargetMap& targets_of(const vm::Redirect& where) {
    return static_cast<const maps::TargetMap&>(*where.map);
}

uint16_t meta_bytes(const vm::XdpContext& context) {
    return static_cast<uint16_t>(context.data - context.data_meta);
}

/// A packet of its own with the same bytes, metadata included; nullptr: no buffer, or none that
/// holds it.
rte_mbuf* copy_of(const rte_mbuf& packet, const vm::XdpContext& context) {
    const auto linear = static_cast<size_t>(context.data_end - context.data);
    size_t bytes = linear;
    for (uint32_t s = 0; s < context.segment_count; ++s) bytes += context.segments[s].bytes;
    rte_mbuf* const copy = rte_pktmbuf_alloc(packet.pool);
    if (copy == nullptr) return nullptr;
    if (bytes > rte_pktmbuf_tailroom(copy)) {
        rte_pktmbuf_free(copy);
        return nullptr;
    }
    const size_t meta = meta_bytes(context);
    auto* at = rte_pktmbuf_mtod(copy, uint8_t*) - meta;
    std::memcpy(at, context.data_meta, meta + linear);
    at += meta + linear;
    for (uint32_t s = 0; s < context.segment_count; ++s) {
        std::memcpy(at, context.segments[s].data, context.segments[s].bytes);
        at += context.segments[s].bytes;
    }
    copy->data_len = static_cast<uint16_t>(bytes);
    copy->pkt_len = static_cast<uint32_t>(bytes);
    return copy;
}

}  // namespace

uint32_t Worker::port_with(uint32_t ifindex) const {
    for (uint32_t port = 0; port < setup_.ports.size(); ++port)
        if (setup_.ports[port].ifindex == ifindex) return port;
    return Fate::kNowhere;
}

uint32_t Worker::run_bound(const vm::Runnable& bound, vm::XdpContext& context) {
    // After a fault the packet is dropped: what stands there is no chain that could go on.
    static const ChainEntry kNoChain;
    const auto& program = static_cast<const BoundProgram&>(bound);
    if (__builtin_expect(out_.has_program(program.slot), 0)) return vm::XDP_ABORTED;
    run_.entry = &kNoChain;
    run_.out = Run::kStillIn;
    guard_.enter(program.slot);
    // What the device said is not for programs of entries, as in the kernel, which takes none there
    // that would ask: it is written down only where the chains do.
    const vm::PacketMetadata* const metadata = std::exchange(context.metadata, nullptr);
    const uint32_t verdict = program.program.run(context, env_);
    context.metadata = metadata;
    ProgramCounts& counts = counters_.program(program.slot);
    ++counts.runs;
    ++counts.verdicts[verdict_index(verdict)];
    if (__builtin_expect(env_.aborts.count != 0, 0)) count_aborts();
    guard_.leave();
    return verdict;
}

/// Packet `i` by an entry of a devmap.
void Worker::leave_by_entry(uint32_t port, uint32_t i, const maps::Destination& entry) {
    const uint32_t out = port_with(entry.number);
    if (out == Fate::kNowhere) return drop(port, i, DropReason::redirect_unknown_port);
    if (entry.program != nullptr) {
        vm::XdpContext& context = burst_.contexts[i];
        context.egress_ifindex = entry.number;
        const uint32_t verdict = run_bound(*entry.program, context);
        context.egress_ifindex = 0;
        if (verdict != vm::XDP_PASS)
            return drop(
                out, i,
                verdict == vm::XDP_DROP ? DropReason::redirect_drop : DropReason::redirect_aborted);
    }
    send_off(out, i);
}

/// A copy of packet `i` by an entry of a devmap.
void Worker::leave_as_copy(uint32_t port, uint32_t i, const maps::Destination& entry) {
    ++counters_.port(port).cloned;
    rte_mbuf* const copy = copy_of(*burst_.packets[i], burst_.contexts[i]);
    if (copy == nullptr) {
        ++counters_.port(port).drops[static_cast<size_t>(DropReason::clone_no_buffer)];
        if (recording_ != nullptr)
            recording_->note({PacketFate::Kind::Dropped, DropReason::clone_no_buffer, port});
        return;
    }
    vm::XdpContext& context = burst_.contexts[kCopy];
    const vm::XdpContext& original = burst_.contexts[i];
    context = original;
    open_packet(*copy, context);
    context.data_meta = context.data - meta_bytes(original);
    context.segments = nullptr;
    context.segment_count = 0;
    burst_.packets[kCopy] = copy;
    copy_is_out_ = true;
    leave_by_entry(port, kCopy, entry);
    copy_is_out_ = false;
    if (dropped_count_ > kRxBurstPackets) free_dropped();
    if (__builtin_expect(env_.aborts.count != 0, 0)) count_aborts();
}

/// A copy for each entry but the last one, for which the packet itself is left.
void Worker::broadcast(uint32_t port, uint32_t i, const vm::Redirect& where) {
    struct Visit {
        Worker& worker;
        const maps::TargetMap& targets;
        uint32_t port, i, excluded;
        maps::Destination waiting{};
    };
    const bool excludes = (where.flags & vm::kExcludeIngress) != 0;
    Visit visit{*this, targets_of(where), port, i,
                excludes ? burst_.contexts[i].ingress_ifindex : 0};
    const auto reach = [](void* opaque, const uint8_t* key, uint8_t*) -> uint64_t {
        auto& at = *static_cast<Visit*>(opaque);
        uint32_t number = 0;
        std::memcpy(&number, key, sizeof number);
        const maps::Destination entry = at.targets.destination(number);
        if (entry.number == 0 || entry.number == at.excluded) return 0;
        if (at.waiting.number != 0) at.worker.leave_as_copy(at.port, at.i, at.waiting);
        at.waiting = entry;
        return 0;
    };
    where.map->for_each(reach, &visit, env_.cpu);
    if (visit.waiting.number != 0) return leave_by_entry(port, i, visit.waiting);
    drop(port, i, DropReason::redirect_nowhere);
}

/// Packet `i` into the queue to the worker that is the key.
void Worker::hand_over(uint32_t port, uint32_t i, const vm::Redirect& where) {
    const maps::Destination entry = targets_of(where).destination(static_cast<uint32_t>(where.key));
    CpuQueues* const queues = cpu_queues_.load(std::memory_order_acquire);
    if (entry.number == 0 || queues == nullptr || where.key >= queues->workers())
        return drop(port, i, DropReason::cpumap_no_worker);
    CpuQueue& queue = queues->between(setup_.index, static_cast<uint32_t>(where.key));
    if (queue.waiting() >= entry.number) return drop(port, i, DropReason::cpumap_full);
    const vm::XdpContext& context = burst_.contexts[i];
    const bool stays = lies_as_received(*burst_.packets[i], context);
    const uint16_t meta = stays ? meta_bytes(context) : uint16_t{0};
    if (!close_slowly(port, i)) return;
    ++counters_.port(port).between_workers;
    if (recording_ != nullptr)
        recording_->note({PacketFate::Kind::Handed, {}, static_cast<uint32_t>(where.key)});
    const bool is_put = queue.put({.packet = burst_.packets[i],
                                   .map = static_cast<const maps::Cpumap*>(where.map)->number(),
                                   .key = static_cast<uint32_t>(where.key),
                                   .port = port,
                                   .queue = static_cast<uint16_t>(context.rx_queue_index),
                                   .meta_bytes = meta});
    WEIR_CHECK(is_put);  // there are no fewer places than an entry may ask for
}

void Worker::redirect_by_map(uint32_t port, uint32_t i, const vm::Redirect& where) {
    if (where.map == nullptr)  // bpf_redirect with a number that looks like it
        return drop(port, i, DropReason::redirect_unknown_port);
    if ((where.flags & vm::kBroadcast) != 0) return broadcast(port, i, where);
    if (where.map->spec().type == vm::MapType::Cpumap) return hand_over(port, i, where);
    const maps::Destination entry = targets_of(where).destination(static_cast<uint32_t>(where.key));
    if (entry.number != 0) return leave_by_entry(port, i, entry);
    drop(port, i, DropReason::redirect_nowhere);  // it was there when the program asked
}

/// What packet `i` does by a verdict of its ingress side.
void Worker::settle(uint32_t port, uint32_t i, uint32_t verdict, uint32_t redirect,
                    const vm::Redirect& by_map) {
    if (verdict == vm::XDP_REDIRECT && redirect == vm::kRedirectByMap)
        return redirect_by_map(port, i, by_map);
    const Fate fate = fate_of(port, verdict, redirect);
    if (fate.out == Fate::kNowhere)
        drop(port, i, fate.reason);
    else
        send_off(fate.out, i);
}

/// A burst some of whose packets were redirected by maps.
void Worker::settle_by_maps(uint32_t port, const ChainEntry& entry) {
    env_.map_redirects = map_redirects_;
    ProgramCounts& program = counters_.program(entry.slot);
    PortCounts& counts = counters_.port(port);
    program.runs += burst_.count;
    const vm::Redirect* next = map_redirects_;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        const uint32_t verdict = burst_.verdicts[i], redirect = burst_.redirects[i];
        run_.first = i;  // a fault behind an entry is the end of those that come after, too
        ++program.verdicts[verdict_index(verdict)];
        ++counts.verdicts[verdict_index(verdict)];
        // The notes are in the packets' order, one for each that says so.
        const vm::Redirect by_map = redirect == vm::kRedirectByMap ? *next++ : vm::Redirect{};
        settle(port, i, verdict, redirect, by_map);
    }
}

// ---- what comes from other workers --------------------------------------------------------------

void Worker::open_handed(const CpuMessage& message, uint32_t i) {
    burst_.packets[i] = message.packet;
    vm::XdpContext& context = burst_.contexts[i];
    context = {};
    open_packet(*message.packet, context);
    context.data_meta = context.data - message.meta_bytes;
    context.ingress_ifindex = setup_.ports[message.port].ifindex;
    context.rx_queue_index = message.queue;
}

void Worker::judge_handed(const CpuMessage& message, uint32_t i) {
    --counters_.port(message.port).between_workers;
    open_handed(message, i);
    run_.port = message.port;
    run_.first = i;
    run_.last = i + 1;
    uint32_t verdict = vm::XDP_PASS;
    const maps::Cpumap* const map = maps::Cpumap::with_number(message.map);
    if (map == nullptr) return drop(message.port, i, DropReason::cpumap_gone);
    if (const vm::Runnable* program = map->destination(message.key).program; program != nullptr)
        verdict = run_bound(*program, burst_.contexts[i]);
    if (verdict == vm::XDP_PASS || verdict == vm::XDP_REDIRECT) {
        settle(message.port, i, verdict, env_.redirect_ifindex, env_.redirect_to);
        return;
    }
    drop(message.port, i,
         verdict == vm::XDP_DROP ? DropReason::redirect_drop : DropReason::redirect_aborted);
}

bool Worker::take_handed() {
    CpuQueues* const queues = cpu_queues_.load(std::memory_order_acquire);
    if (burst_.has_segments) forget_segments();
    burst_.named_for = nullptr;  // the contexts are others' now
    burst_.count = 0;
    bool found = false;
    for (uint32_t from = 0; from < queues->workers(); ++from) {
        CpuMessage message{};
        uint32_t count = 0;
        while (count < kTakenAtOnce && queues->between(from, setup_.index).take(message))
            judge_handed(message, count++);
        if (dropped_count_ != 0) free_dropped();
        if (env_.aborts.count != 0) count_aborts();
        found |= count != 0;
    }
    guard_.leave();
    return found;
}

void Worker::drain_handed() {
    CpuQueues* const queues = cpu_queues_.load(std::memory_order_acquire);
    if (queues == nullptr) return;
    for (uint32_t from = 0; from < queues->workers(); ++from) {
        CpuMessage message{};
        while (queues->between(from, setup_.index).take(message)) {
            PortCounts& counts = counters_.port(message.port);
            --counts.between_workers;
            ++counts.drops[static_cast<size_t>(DropReason::shutdown)];
            if (tap_now_ != nullptr)
                tap_dropped(*tap_now_, *message.packet, message.port, DropReason::shutdown);
            rte_pktmbuf_free(message.packet);
        }
    }
    counters_.publish();
}

// ---- exits that aborted -------------------------------------------------------------------------

/// The log holds one exit for each packet of a burst; what may end more often counts in between.
void Worker::count_aborts() {
    static_assert(vm::AbortLog::kEntries >= kRxBurstPackets);
    const uint32_t count = std::min(env_.aborts.count, vm::AbortLog::kEntries);
    for (uint32_t i = 0; i < count; ++i) {
        const uint64_t exit = env_.aborts.exits[i];
        aborts_.add(static_cast<uint32_t>(exit >> 32), static_cast<uint32_t>(exit));
    }
    env_.aborts.count = 0;
}

}  // namespace weir::dataplane
