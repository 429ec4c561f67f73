#include "controlplane/telemetry/worker_metrics.h"

#include <algorithm>

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

void add_times(Families& families, const Labels& labels, const api::WorkerStats& worker,
               uint64_t tsc_hz) {
    const auto add = [&](const char* part, uint64_t cycles) {
        Labels named = labels;
        named.push_back({"part", part});
        families.counter(
            "weir_worker_seconds_total",
            "Time of the worker by what it went into, sleep included in idle.", std::move(named),
            static_cast<double>(cycles) / static_cast<double>(std::max(tsc_hz, uint64_t{1})));
    };
    add("rx", worker.rx_cycles);
    add("program", worker.program_cycles);
    add("tx", worker.tx_cycles);
    add("idle", worker.idle_cycles);
}

void add_worker(Families& families, const api::WorkerStats& worker, uint64_t tsc_hz) {
    const Labels labels = {{"worker", std::to_string(worker.index)},
                           {"lcore", std::to_string(worker.lcore)}};
    families.counter("weir_worker_receive_packets_total", "Packets received.", labels,
                     worker.counters.rx);
    families.counter("weir_worker_transmit_packets_total", "Packets sent.", labels,
                     worker.counters.tx);
    families.counter("weir_worker_polls_total", "Polls of the worker's queues.", labels,
                     worker.polls);
    families.counter("weir_worker_busy_polls_total", "Polls that found packets.", labels,
                     worker.busy_polls);
    families.counter("weir_worker_sleeps_total", "Sleeps while nothing came.", labels,
                     worker.sleeps);
    families.gauge("weir_worker_generation", "Generation that the worker runs.", labels,
                   worker.generation);
    families.gauge("weir_worker_running", "0 while the worker is stuck.", labels,
                   uint64_t{worker.state == api::WorkerState::Running});
    add_times(families, labels, worker, tsc_hz);
    families.latency("weir_worker_latency_seconds",
                     "Packets by the time from their poll to their transmission or drop.", labels,
                     worker.latency);
    for (const api::QueueStats& queue : worker.queues)
        families.counter("weir_queue_receive_packets_total",
                         "Packets from a queue of a device, or handed over by another worker.",
                         {{"port", queue.port},
                          {"source", queue.distributed ? "worker" : "device"},
                          {"number", std::to_string(queue.queue)},
                          {"worker", std::to_string(worker.index)}},
                         queue.rx);
}

}  // namespace

void add_worker_metrics(Families& families, const api::Stats& stats) {
    for (const api::WorkerStats& worker : stats.workers) add_worker(families, worker, stats.tsc_hz);
    for (const api::ChainStats& chain : stats.chains) {
        for (const auto& [verdict, count] : chain.verdicts)
            families.counter("weir_chain_verdicts_total", "Packets that met a chain, by verdict.",
                             {{"port", chain.port},
                              {"hook", chain.egress ? "egress" : "ingress"},
                              {"verdict", verdict}},
                             count);
    }
}

}  // namespace weir::controlplane
