#include "controlplane/telemetry/worker_json.h"

#include "controlplane/telemetry/latency.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

const char* state_name(api::WorkerState state) {
    switch (state) {
        case api::WorkerState::Running: return "running";
        case api::WorkerState::Stuck: return "stuck";
    }
    return "unknown";
}

}  // namespace

Json worker_json(const api::WorkerStats& worker) {
    Json queues = Json::array();
    for (const api::QueueStats& queue : worker.queues)
        queues.push_back({{"port", queue.port},
                          {queue.distributed ? "from_worker" : "queue", queue.queue},
                          {"rx", queue.rx}});
    return {{"index", worker.index},
            {"lcore", worker.lcore},
            {"generation", worker.generation},
            {"state", state_name(worker.state)},
            {"stuck_in", worker.stuck_in},
            {"polls", worker.polls},
            {"busy_polls", worker.busy_polls},
            {"cycles",
             {{"rx", worker.rx_cycles},
              {"program", worker.program_cycles},
              {"tx", worker.tx_cycles},
              {"idle", worker.idle_cycles}}},
            {"sleeps", worker.sleeps},
            {"latency", worker.latency},
            {"latency_ns",
             {{"p50", latency_ns_at(worker.latency, 0.5)},
              {"p99", latency_ns_at(worker.latency, 0.99)},
              {"max", latency_ns_at(worker.latency, 1)}}},
            {"queues", std::move(queues)}};
}

Json chains_json(const std::vector<api::ChainStats>& chains) {
    Json list = Json::array();
    for (const api::ChainStats& chain : chains) {
        list.push_back({{"port", chain.port},
                        {"hook", chain.egress ? "egress" : "ingress"},
                        {"packets", chain.packets},
                        {"verdicts", chain.verdicts}});
    }
    return list;
}

}  // namespace weir::controlplane
