#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>

#include "dataplane/packet.h"
#include "dataplane/tapping.h"
#include "maps/reclaim.h"

namespace weir::dataplane {
namespace {

constexpr unsigned long kTimerSlackNs = 1'000;  ///< the default of 50 us would double the sleep

vm::RunEnv make_env(const WorkerSetup& setup) {
    vm::RunEnv env;
    env.cpu = setup.index;
    env.numa_node = setup.numa_node;
    env.prandom_state ^= (setup.index + 1) * 0xD1B54A32D192ED03u;
    return env;
}

}  // namespace

Worker::Worker(WorkerSetup setup, Publication& publication, vm::Timers& timers, OutOfService& out)
    : setup_(std::move(setup)),
      publication_(publication),
      timers_(timers),
      out_(out),
      guard_(setup_.index),
      overruns_(setup_.ports.size()),
      counters_(static_cast<uint32_t>(setup_.ports.size()),
                static_cast<uint32_t>(setup_.rx.size())),
      transmitter_(counters_, setup_.tx, setup_.handed_to_us),
      tap_(setup_.index),
      env_(make_env(setup_)),
      idle_(std::move(setup_.idle)) {
    env_.timers = &timers_;
    distributes_ = std::ranges::any_of(
        setup_.rx, [](const RxSource& source) { return source.distributor != nullptr; });
    env_.map_redirects = map_redirects_;
}

int Worker::run(void* self) {
    static_cast<Worker*>(self)->loop();
    return 0;
}

void Worker::loop() {
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
    maps::reader_register();
    clock_.start(rte_get_tsc_hz());
    guard_.attach(rounds_);
    if (sigsetjmp(guard_.border(), 1) != 0) {
        recover();
        send_out();
    }
    while (!stop_.load(std::memory_order_relaxed)) {
        const bool busy = round();
        if (__builtin_expect(timers_.next_deadline_ns() != vm::kNoDeadline, 0)) run_timers();
        if (busy) {
            idle_.note_busy();
        } else if (idle_.rest(timers_.next_deadline_ns(), is_handed())) {
            ++counters_.times().sleeps;
        }
        if (__builtin_expect(task_.load(std::memory_order_relaxed) != nullptr, 0)) run_task();
        maps::reader_quiescent();
    }
    guard_.detach();
    maps::reader_unregister();
}

/// One burst; false: there was none. Of a queue that is shared out, what is ours is judged.
template <bool timed>
inline bool Worker::serve(RxSource& source, uint32_t index, const LiveGeneration& live) {
    if (__builtin_expect(source.is_finite && live.number() == 0, 0)) return false;
    uint16_t count = source.take(burst_.packets);
    if (count == 0) return false;
    QueueCounts& counts = counters_.queue(index);
    counts.packets += count;
    if (timed) clock_.received(source.waited_cycles(*burst_.packets[0]));
    if (__builtin_expect(source.distributor != nullptr, 0)) {
        const uint32_t own = source.distributor->keep_own({burst_.packets, count});
        counts.handed += count - own;
        count = static_cast<uint16_t>(own);
    }
    if (count != 0) receive(source, count, live);
    if (timed) clock_.judged();
    return true;
}

/// What finds no room was received here after all.
void Worker::flush_distributors() {
    for (uint32_t i = 0; i < setup_.rx.size(); ++i) {
        RxSource& source = setup_.rx[i];
        if (source.distributor == nullptr || source.distributor->noted() == 0) continue;
        const Distributor::Refused refused = source.distributor->flush(tap_now_, source.port);
        if (__builtin_expect(refused.packets == 0, 1)) continue;
        counters_.queue(i).handed -= refused.packets;
        PortTraffic& counts = counters_.traffic(source.port);
        counts.rx += refused.packets;
        counts.rx_bytes += refused.bytes;
        counters_.drop(source.port, DropReason::distributor_full, refused.packets);
    }
}

/// The end of a round, also of one that a fault cut short: counted first, then handed over.
inline bool Worker::send_out() {
    const bool moved = transmitter_.flush_devices();
    counters_.publish();
    transmitter_.flush_handovers();
    if (distributes_) flush_distributors();
    return moved;
}

bool Worker::round() {
    if (__builtin_expect(clock_.is_due(), 0)) return round_as<true>();
    const bool busy = round_as<false>();
    clock_.skip(counters_.times(), busy);
    return busy;
}

template <bool timed>
bool Worker::round_as() {
    if (timed) clock_.begin();
    const LiveGeneration& live = publication_.enter_round(setup_.index);
    live_ = &live;
    env_.fib = live.generation->fib.get();
    capture::Tap* const tap = tap_.enter_round(live.number());
    if (__builtin_expect(tap != tap_now_, 0)) transmitter_.tap(tap_now_ = tap);
    const bool was_handed = __builtin_expect(is_handed(), 0) && take_handed();
    if (timed && was_handed) clock_.judged();
    uint64_t polls_with_packets = 0;
    uint32_t index = 0;
    for (RxSource& source : setup_.rx) polls_with_packets += serve<timed>(source, index++, live);
    const bool moved = send_out();
    rounds_.store(rounds_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (polls_with_packets != 0)
        busy_polls_.store(busy_polls_.load(std::memory_order_relaxed) + polls_with_packets,
                          std::memory_order_relaxed);
    const bool busy = polls_with_packets != 0 || moved || was_handed;
    if (timed && clock_.end(counters_.times(), busy, counters_.packets_judged()))
        counters_.times_changed();
    return busy;
}

void Worker::drain() {
    tap_now_ = tap_.enter_round(publication_.number());
    transmitter_.tap(tap_now_);
    for (uint32_t i = 0; i < setup_.rx.size(); ++i) {
        if (setup_.rx[i].ring != nullptr) drain_ring(i);
    }
    drain_handed();
    transmitter_.drain();
}

void Worker::drain_ring(uint32_t index) {
    RxSource& source = setup_.rx[index];
    while (const uint16_t count = source.take(burst_.packets)) {
        counters_.queue(index).packets += count;
        PortCounts& counts = counters_.port(source.port);
        counts.rx += count;
        counts.drops[static_cast<size_t>(DropReason::shutdown)] += count;
        for (uint32_t i = 0; i < count; ++i) counts.rx_bytes += burst_.packets[i]->pkt_len;
        for (uint32_t i = 0; tap_now_ != nullptr && i < count; ++i)
            tap_dropped(*tap_now_, *burst_.packets[i], source.port, DropReason::shutdown);
        free_packets(burst_.packets, count);
    }
}

/// The clock is read only while some timer waits. Callbacks run in the generation of this round.
void Worker::run_timers() {
    const uint64_t now_ns = vm::system_clock_ns(CLOCK_MONOTONIC);
    if (timers_.next_deadline_ns() <= now_ns) timers_.run_due(now_ns, env_);
}

void Worker::run_task() {
    const WorkerTask* task = task_.exchange(nullptr, std::memory_order_acquire);
    if (task == nullptr) return;  // withdrawn
    task->run(task->opaque);
    task_done_.store(true, std::memory_order_release);
}

bool Worker::run_between_rounds(const WorkerTask& task, uint64_t timeout_ms) {
    using Clock = std::chrono::steady_clock;
    task_done_.store(false, std::memory_order_relaxed);
    task_.store(&task, std::memory_order_release);
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    while (!task_done_.load(std::memory_order_acquire)) {
        // Once the worker has taken it, it is a matter of microseconds.
        const WorkerTask* mine = &task;
        if (Clock::now() > deadline &&
            task_.compare_exchange_strong(mine, nullptr, std::memory_order_acq_rel))
            return false;
        sched_yield();
    }
    return true;
}

}  // namespace weir::dataplane
