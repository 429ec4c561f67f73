#include "dataplane/packet_trace.h"

#include <rte_cycles.h>
#include <time.h>

#include <algorithm>

#include "dataplane/packet.h"
#include "dataplane/worker.h"
#include "jit/traced_run.h"
#include "vm/base/check.h"

namespace weir::dataplane {
namespace {

constexpr uint64_t kUsPerSecond = 1'000'000;

}  // namespace

WorkerTrace::WorkerTrace(std::shared_ptr<TraceOrder> order, uint32_t worker)
    : order_(std::move(order)),
      interval_tsc_(rte_get_tsc_hz() * kTraceIntervalUs / kUsPerSecond),
      refilled_tsc_(rte_get_tsc_cycles()) {
    for (uint32_t i = 0; i < kTraceRecorders; ++i) {
        traces_.push_back(std::make_unique<PacketTrace>());
        traces_.back()->worker = worker;
        traces_.back()->owner = this;
        in_hand_[in_hand_count_++] = traces_.back().get();
    }
}

uint32_t WorkerTrace::allowance(uint64_t now_tsc) {
    const uint64_t earned = (now_tsc - refilled_tsc_) / interval_tsc_;
    if (earned != 0) {
        refilled_tsc_ += earned * interval_tsc_;
        tokens_ = static_cast<uint32_t>(std::min<uint64_t>(tokens_ + earned, kTraceRecorders));
    }
    while (in_hand_count_ < kTraceRecorders) {
        PacketTrace* trace = nullptr;
        if (!free_.take(trace)) break;
        in_hand_[in_hand_count_++] = trace;
    }
    return std::min({tokens_, in_hand_count_, order_->left.load(std::memory_order_relaxed)});
}

uint64_t WorkerTrace::choose(uint32_t port, std::span<vm::XdpContext> contexts, vm::RunEnv& env) {
    TraceOrder& order = *order_;
    if (order.port != TraceOrder::kAnyPort && order.port != port) return 0;
    if (order.left.load(std::memory_order_relaxed) == 0) return 0;
    const uint32_t room = allowance(rte_get_tsc_cycles());
    uint64_t chosen = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < contexts.size(); ++i) {
        if (count == room) {
            if (order.left.load(std::memory_order_relaxed) == 0) break;
            passed_over_.store(passed_over_.load(std::memory_order_relaxed) + contexts.size() - i,
                               std::memory_order_relaxed);
            break;
        }
        if (order.filter != nullptr && !order.filter->matches(contexts[i], env)) continue;
        uint32_t left = order.left.load(std::memory_order_relaxed);
        while (left != 0 &&
               !order.left.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) {
        }
        if (left == 0) break;
        chosen |= uint64_t{1} << i;
        ++count;
    }
    tokens_ -= count;
    chosen_ = count;
    return chosen;
}

PacketTrace& WorkerTrace::begin() {
    WEIR_CHECK(in_hand_count_ != 0 && chosen_ != 0);
    --chosen_;
    return *in_hand_[--in_hand_count_];
}

void WorkerTrace::abandon(PacketTrace* trace) {
    if (trace != nullptr) {
        in_hand_[in_hand_count_++] = trace;
        ++chosen_;
    }
    if (chosen_ != 0) order_->left.fetch_add(chosen_, std::memory_order_relaxed);
    chosen_ = 0;
}

// ---- the worker ---------------------------------------------------------------------------------

void Worker::record(PacketTrace* trace) {
    recording_ = trace;
    transmitter_.record(trace);
}

uint32_t Worker::run_traced(const ChainEntry& entry, vm::XdpContext& context) {
    return jit::run_traced(*entry.program, context, env_, recording_->recorder);
}

/// False: none of the burst is to be traced. Else all of it was judged, one packet after another,
/// which is what a burst means (ARCHITECTURE.md, "Packets that overlap").
bool Worker::judge_traced(const RxSource& source, const LiveGeneration& live, WorkerTrace& trace) {
    const uint64_t chosen = trace.choose(source.port, {burst_.contexts, burst_.count}, env_);
    if (chosen == 0) return false;
    for (uint32_t i = 0; i < burst_.count; ++i) {
        if ((chosen >> i & 1) == 0) {
            judge_packet(source.port, live, i);
            continue;
        }
        PacketTrace& made = trace.begin();
        made.generation = live.number();
        made.time_ns = vm::system_clock_ns(CLOCK_REALTIME);  // the vDSO's, no system call
        made.port = source.port;
        made.queue = source.queue;
        made.fates_total = 0;
        // The recorder tells the packet's addresses by the room around it, which open_burst may
        // have left out.
        if (burst_.seen.pool != nullptr) open_packet(*burst_.packets[i], burst_.contexts[i]);
        made.recorder.begin(burst_.contexts[i]);
        record(&made);
        judge_packet(source.port, live, i);
        record(nullptr);
        trace.finish(made);
    }
    return true;
}

}  // namespace weir::dataplane
