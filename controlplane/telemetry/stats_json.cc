#include "controlplane/telemetry/stats_json.h"

#include "controlplane/deploy/sha256.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

Json counts_json(const std::map<std::string, uint64_t>& counts) {
    Json object = Json::object();
    for (const auto& [name, count] : counts) object[name] = count;
    return object;
}

Json counters_json(const api::Counters& counters) {
    return {{"rx", counters.rx},
            {"tx", counters.tx},
            {"to_kernel", counters.to_kernel},
            {"cloned", counters.cloned},
            {"generated", counters.generated},
            {"in_flight", counters.in_flight},
            {"drops", counts_json(counters.drops)},
            {"rx_bytes", counters.rx_bytes},
            {"tx_bytes", counters.tx_bytes},
            {"verdicts", counts_json(counters.verdicts)}};
}

Json worker_json(const api::WorkerStats& worker) {
    Json object = {{"index", worker.index},
                   {"lcore", worker.lcore},
                   {"generation", worker.generation},
                   {"polls", worker.polls},
                   {"busy_polls", worker.busy_polls}};
    object.update(counters_json(worker.counters));
    return object;
}

Json port_json(const api::PortInfo& port) {
    return {{"name", port.name},
            {"device", port.device},
            {"driver", port.driver},
            {"ifindex", port.ifindex},
            {"mtu", port.mtu},
            {"queues", port.queues},
            {"link_up", port.link_up},
            {"mac", port.mac},
            {"imissed", port.imissed},
            {"rx_nombuf", port.rx_nombuf},
            {"ierrors", port.ierrors},
            {"oerrors", port.oerrors},
            {"bad_checksums", port.bad_checksums},
            {"heads_moved", port.heads_moved}};
}

Json timers_json(const api::TimerStats& timers) {
    return {{"in_use", timers.in_use},
            {"most", timers.most},
            {"calls", timers.calls},
            {"late", timers.late},
            {"full", timers.full}};
}

}  // namespace

Json stats_json(const api::Stats& stats) {
    Json ports = Json::object();
    for (const auto& [name, counters] : stats.ports) ports[name] = counters_json(counters);
    Json workers = Json::array();
    for (const api::WorkerStats& worker : stats.workers) workers.push_back(worker_json(worker));
    Json programs = Json::object();
    for (const api::ProgramInfo& program : stats.programs)
        programs[program.name] = {{"runs", program.runs},
                                  {"verdicts", counts_json(program.verdicts)}};
    return {{"generation", stats.generation},  {"total", counters_json(stats.total)},
            {"ports", std::move(ports)},       {"workers", std::move(workers)},
            {"programs", std::move(programs)}, {"timers", timers_json(stats.timers)},
            {"time_ns", stats.time_ns}};
}

Json status_json(const api::Status& status) {
    Json ports = Json::array();
    for (const api::PortInfo& port : status.ports) ports.push_back(port_json(port));
    return {{"version", status.version},       {"pid", status.pid},
            {"uptime_ms", status.uptime_ms},   {"configured", status.configured},
            {"generation", status.generation}, {"config_hash", status.config_hash},
            {"hugepages", status.hugepages},   {"lcores", status.configure.lcores},
            {"ports", std::move(ports)},       {"warnings", status.warnings}};
}

Json program_json(const api::ProgramInfo& program) {
    return {{"name", program.name},
            {"function", program.function},
            {"type", program.type},
            {"object", program.object},
            {"object_hash", program.object_hash},
            {"insns", program.insns},
            {"jited_bytes", program.jited_bytes},
            {"runs", program.runs},
            {"verdicts", counts_json(program.verdicts)},
            {"maps", program.maps}};
}

Json map_json(const api::MapInfo& map) {
    return {{"name", map.name},
            {"type", vm::map_type_name(map.spec.type)},
            {"key_bytes", map.spec.key_bytes},
            {"value_bytes", map.spec.value_bytes},
            {"max_entries", map.spec.entries_max},
            {"flags", map.spec.flags},
            {"entries", map.entries},
            {"memory_bytes", map.memory_bytes},
            {"full_count", map.full_count},
            {"persists", map.persists},
            {"restored_count", map.restored_count},
            {"torn_count", map.torn_count},
            {"cpu_slots", map.cpu_slots}};
}

std::vector<ByteSpan> value_slots(const api::MapInfo& map, ByteSpan value) {
    const size_t size = map.spec.value_bytes;
    if (!vm::is_percpu(map.spec.type)) return {value};
    const size_t step = (size + 7) / 8 * 8;
    std::vector<ByteSpan> slots;
    for (size_t offset = 0; step != 0 && offset + size <= value.size(); offset += step)
        slots.push_back(value.subspan(offset, size));
    return slots;
}

Json element_json(const api::MapInfo& map, const api::Element& element) {
    Json object = {{"key", to_json(map.spec.key_type, element.first)}};
    if (vm::is_percpu(map.spec.type)) {
        Json values = Json::array();
        for (const ByteSpan slot : value_slots(map, element.second))
            values.push_back(to_json(map.spec.value_type, slot));
        object["values"] = std::move(values);
    } else {
        object["value"] = to_json(map.spec.value_type, element.second);
    }
    object["key_hex"] = to_hex(element.first);
    object["value_hex"] = to_hex(element.second);
    return object;
}

}  // namespace weir::controlplane
