// A burst some of whose programs are out of service: from a fault, or an overrun, to the generation
// that is published without them. Slower than packet_path.cc, and seldom here: every chain entry is
// looked at before it is run.

#include "dataplane/packet.h"
#include "dataplane/packet_trace.h"
#include "dataplane/worker.h"

namespace weir::dataplane {
namespace {

/// What a chain says that ends at a program out of service: no program's verdict.
constexpr uint32_t kChainOut = UINT32_MAX;

constexpr DropReason reason_of(OutReason out) {
    switch (out) {
        case OutReason::None:
        case OutReason::NoGeneration: return DropReason::no_generation;
        case OutReason::Fault: return DropReason::program_fault;
        case OutReason::Budget: return DropReason::chain_over_budget;
    }
    return DropReason::no_generation;
}

}  // namespace

/// Where some port has an egress chain, what an open port lets in goes through that.
void Worker::settle_unfiltered(uint32_t port, const LiveGeneration& live) {
    if (!setup_.ports[port].fail_open)
        settle_all(port, {.reason = reason_of(live.ports[port].ingress_out)}, true);
    else if (live.by_bursts)
        settle_all(port, fate_of(port, vm::XDP_PASS, 0), true);
    else
        judge_around(port, live, 0);
}

void Worker::judge_around(uint32_t port, const LiveGeneration& live, uint32_t first) {
    const PortPlan& plan = live.ports[port];
    for (uint32_t i = first; i < burst_.count; ++i) {
        run_.entry = nullptr;
        run_.out = Run::kStillIn;
        run_.first = i;
        run_.last = i + 1;
        const OutReason why = live.generation->bypass ? OutReason::None
                              : out_.has_port(port)   ? OutReason::Budget
                                                      : plan.ingress_out;
        if (why == OutReason::None) {
            settle_around(port, i, run_chain_around(plan.ingress, port, burst_.contexts[i]));
        } else if (setup_.ports[port].fail_open) {
            settle_around(port, i, vm::XDP_PASS);
        } else {
            drop(port, i, reason_of(why));
        }
    }
}

/// `port`: whose chain it is, and whose `fail` counts.
uint32_t Worker::run_chain_around(std::span<const ChainEntry> chain, uint32_t port,
                                  vm::XdpContext& context) {
    for (const ChainEntry& entry : chain) {
        if (!out_.has_program(entry.slot)) {
            const uint32_t verdict = run_chain({&entry, 1}, context);
            if (verdict != vm::XDP_PASS) return verdict;
        } else if (!entry.skip_on_fault) {
            return setup_.ports[port].fail_open ? uint32_t{vm::XDP_PASS} : kChainOut;
        }
    }
    return vm::XDP_PASS;
}

void Worker::settle_around(uint32_t port, uint32_t i, uint32_t verdict) {
    if (verdict == kChainOut) return drop(port, i, DropReason::program_fault);
    if (tap_now_ != nullptr) tap_verdict(i, verdict, capture::Hook::Ingress);
    ++counters_.traffic(port).verdicts[verdict_index(verdict)];
    settle(port, i, verdict, env_.redirect_ifindex, env_.redirect_to);
}

void Worker::leave_around(uint32_t out, uint32_t i, std::span<const ChainEntry> egress,
                          OutReason why) {
    if (why != OutReason::None && !setup_.ports[out].fail_open) return drop(out, i, reason_of(why));
    burst_.contexts[i].egress_ifindex = setup_.ports[out].ifindex;
    run_.out = out;
    const uint32_t verdict = run_chain_around(egress, out, burst_.contexts[i]);
    if (verdict != kChainOut) ++counters_.port(out).egress_verdicts[verdict_index(verdict)];
    burst_.contexts[i].egress_ifindex = 0;  // as an ingress program of the next burst must see it
    if (verdict == vm::XDP_PASS) return leave_by(out, i);
    if (tap_now_ != nullptr && verdict != kChainOut) tap_verdict(i, verdict, capture::Hook::Egress);
    drop(out, i,
         verdict == kChainOut      ? DropReason::program_fault
         : verdict == vm::XDP_DROP ? DropReason::egress_drop
                                   : DropReason::egress_aborted);
}

/// On the way back from a fault, at the border of the loop. A fault of another program in here
/// comes back to the border again, with `run_` further on in the burst.
void Worker::recover() {
    if (dropped_count_ != 0) free_dropped();  // what follows may drop as many again
    if (env_.aborts.count != 0) count_aborts();
    env_.program = nullptr;
    env_.call = nullptr;
    env_.callback_failed = false;
    WorkerTrace* const trace =
        recording_ != nullptr ? recording_->owner : trace_.load(std::memory_order_acquire);
    if (trace != nullptr) trace->abandon(recording_);
    record(nullptr);
    out_.program_faulted(setup_.index, guard_.fault());
    live_->has_trouble.store(true, std::memory_order_relaxed);
    env_.map_redirects = map_redirects_;
    const Run run = run_;
    const bool is_of_copy = copy_is_out_;
    copy_is_out_ = false;
    if (is_of_copy) drop(run.port, kCopy, DropReason::program_fault);
    for (uint32_t i = run.first; i < run.last; ++i) {
        if (is_of_copy)
            drop(run.port, i, DropReason::program_fault);
        else
            settle_faulted(run, i);
    }
    judge_around(run.port, *live_, run.last);
    guard_.leave();
    if (tap_now_ != nullptr) tap_now_->end_burst();
    if (dropped_count_ != 0) free_dropped();
    if (env_.aborts.count != 0) count_aborts();
}

/// A packet that the program had in work. It goes on where that is wanted and the program cannot
/// have left it half changed.
void Worker::settle_faulted(const Run& run, uint32_t i) {
    burst_.contexts[i].egress_ifindex = 0;
    const bool is_leaving = run.out != Run::kStillIn;
    const uint32_t port = is_leaving ? run.out : run.port;
    const bool goes_on = run.entry->skip_on_fault || setup_.ports[port].fail_open;
    if (run.entry->writes_packets || !goes_on) return drop(port, i, DropReason::program_fault);
    const PortPlan& plan = live_->ports[port];
    std::span<const ChainEntry> rest;
    if (run.entry->skip_on_fault) {
        const std::span<const ChainEntry> chain = is_leaving ? plan.egress : plan.ingress;
        rest = chain.subspan(static_cast<size_t>(run.entry - chain.data()) + 1);
    }
    if (is_leaving) return leave_around(port, i, rest, OutReason::None);
    settle_around(port, i, run_chain_around(rest, port, burst_.contexts[i]));
}

void Worker::note_cycles(uint32_t port, uint64_t cycles) {
    if (burst_.count == 0) return;
    uint32_t& overruns = overruns_[port];
    const uint64_t of_packet = cycles / burst_.count;
    overruns = of_packet > setup_.ports[port].chain_budget_cycles ? overruns + 1 : 0;
    if (overruns < kBudgetBursts || out_.has_port(port)) return;
    out_.chain_overran(setup_.index, port, of_packet);
    live_->has_trouble.store(true, std::memory_order_relaxed);
    overruns = 0;
}

}  // namespace weir::dataplane
