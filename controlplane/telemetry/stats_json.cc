#include "controlplane/telemetry/stats_json.h"

#include <algorithm>

#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/map_warnings.h"
#include "controlplane/telemetry/type_text.h"
#include "controlplane/telemetry/worker_json.h"
#include "vm/program/definition.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

Json counters_json(const api::Counters& counters) {
    return {{"rx", counters.rx},
            {"tx", counters.tx},
            {"to_kernel", counters.to_kernel},
            {"cloned", counters.cloned},
            {"generated", counters.generated},
            {"in_flight", counters.in_flight},
            {"drops", counters.drops},
            {"rx_bytes", counters.rx_bytes},
            {"tx_bytes", counters.tx_bytes},
            {"verdicts", counters.verdicts}};
}

Json full_worker_json(const api::WorkerStats& worker) {
    Json object = worker_json(worker);
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
            {"heads_moved", port.heads_moved},
            {"link_mbps", port.link_mbps},
            {"link_downs", port.link_downs},
            {"removed", port.removed},
            {"distributed", port.distributed},
            {"features", port.features},
            {"out_of_service", port.out_of_service}};
}

/// XDP_ABORTED by the instruction that ended the run.
Json aborted_json(const std::vector<api::AbortedAt>& places) {
    Json list = Json::array();
    for (const api::AbortedAt& place : places)
        list.push_back({{"insn", place.insn}, {"count", place.count}});
    return list;
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
    for (const api::WorkerStats& worker : stats.workers)
        workers.push_back(full_worker_json(worker));
    Json programs = Json::object();
    for (const api::ProgramInfo& program : stats.programs)
        programs[program.name] = {{"runs", program.runs},
                                  {"verdicts", program.verdicts},
                                  {"aborted", aborted_json(program.aborted)}};
    return {{"generation", stats.generation},  {"total", counters_json(stats.total)},
            {"ports", std::move(ports)},       {"workers", std::move(workers)},
            {"programs", std::move(programs)}, {"timers", timers_json(stats.timers)},
            {"time_ns", stats.time_ns},        {"chains", chains_json(stats.chains)},
            {"tsc_hz", stats.tsc_hz}};
}

Json status_json(const api::Status& status) {
    Json ports = Json::array();
    for (const api::PortInfo& port : status.ports) ports.push_back(port_json(port));
    return {{"version", status.version},
            {"pid", status.pid},
            {"uptime_ms", status.uptime_ms},
            {"configured", status.configured},
            {"generation", status.generation},
            {"config_hash", status.config_hash},
            {"hugepages", status.hugepages},
            {"lcores", status.configure.lcores},
            {"ports", std::move(ports)},
            {"warnings", status.warnings},
            {"bypass_left_ms", status.bypass_left_ms}};
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
            {"verdicts", program.verdicts},
            {"aborted", aborted_json(program.aborted)},
            {"maps", program.maps},
            {"fault", program.fault}};
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
            {"used_bytes", map.used_bytes},
            {"full_count", map.full_count},
            {"persists", map.persists},
            {"restored_count", map.restored_count},
            {"torn_count", map.torn_count},
            {"busy_count", map.busy_count},
            {"evicted_count", map.evicted_count},
            {"lost_events", map.lost_events},
            {"cpu_slots", map.cpu_slots},
            {"warnings", map_warnings(map)}};
}

Json map_details_json(const api::MapInfo& map, const std::vector<api::ProgramInfo>& programs) {
    Json document = map_json(map);
    document["flag_names"] = vm::map_flag_names(map.spec.flags);
    document["frozen"] = map.spec.frozen;
    document["spin_lock_offset"] =
        map.spec.spin_lock_offset == vm::kNoOffset ? Json() : Json(map.spec.spin_lock_offset);
    Json users = Json::array();
    for (const api::ProgramInfo& program : programs)
        if (std::ranges::find(program.maps, map.name) != program.maps.end())
            users.push_back(program.name);
    document["programs"] = std::move(users);
    document["key_c"] = type_line(map.spec.key_type);
    document["value_c"] = type_line(map.spec.value_type);
    document["key_type"] = type_tree(map.spec.key_type);
    document["value_type"] = type_tree(map.spec.value_type);
    return document;
}

Result<api::MapInfo> read_map_json(const Json& document) {
    try {
        api::MapInfo map;
        map.name = document.at("name").get<std::string>();
        const Result<vm::MapType> type =
            vm::map_type_by_name(document.at("type").get<std::string>());
        if (!type) return std::unexpected(type.error());
        map.spec.name = map.name;
        map.spec.type = *type;
        map.spec.key_bytes = document.at("key_bytes").get<uint32_t>();
        map.spec.value_bytes = document.at("value_bytes").get<uint32_t>();
        map.spec.entries_max = document.at("max_entries").get<uint32_t>();
        map.spec.flags = document.at("flags").get<uint32_t>();
        map.entries = document.at("entries").get<uint32_t>();
        map.cpu_slots = document.at("cpu_slots").get<uint32_t>();
        const Json& lock = document.at("spin_lock_offset");
        if (!lock.is_null()) map.spec.spin_lock_offset = lock.get<uint32_t>();
        const Result<vm::TypeRef> key = read_type_tree(document.at("key_type"));
        if (!key) return std::unexpected(key.error());
        const Result<vm::TypeRef> value = read_type_tree(document.at("value_type"));
        if (!value) return std::unexpected(value.error());
        map.spec.key_type = *key;
        map.spec.value_type = *value;
        return map;
    } catch (const Json::exception& error) {  // a control plane of another version
        return fail(ErrorKind::kResource,
                    std::string("the node describes a map in a way that is not known here: ") +
                        error.what());
    }
}

size_t control_value_bytes(const api::MapInfo& map) {
    const size_t slot_bytes = (size_t{map.spec.value_bytes} + 7) / 8 * 8;
    return vm::is_percpu(map.spec.type) ? slot_bytes * map.cpu_slots : map.spec.value_bytes;
}

Json sum_json(const Json& one, const Json& other) {
    if (one.is_number_integer() && other.is_number_integer()) {
        const uint64_t sum = one.get<uint64_t>() + other.get<uint64_t>();
        const bool is_signed = !one.is_number_unsigned() || !other.is_number_unsigned();
        return is_signed ? Json(static_cast<int64_t>(sum)) : Json(sum);
    }
    if (one.is_number() && other.is_number()) return one.get<double>() + other.get<double>();
    if (one.is_object() && other.is_object()) {
        Json object = Json::object();
        for (const auto& [name, member] : one.items())
            object[name] = sum_json(member, other.value(name, Json()));
        return object;
    }
    if (one.is_array() && other.is_array() && one.size() == other.size()) {
        Json list = Json::array();
        for (size_t i = 0; i < one.size(); ++i) list.push_back(sum_json(one[i], other[i]));
        return list;
    }
    return one == other ? one : Json();
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
        Json sum = values.empty() ? Json() : values[0];
        for (size_t i = 1; i < values.size(); ++i) sum = sum_json(sum, values[i]);
        object["values"] = std::move(values);
        object["sum"] = std::move(sum);
    } else {
        object["value"] = to_json(map.spec.value_type, element.second);
    }
    object["key_hex"] = to_hex(element.first);
    object["value_hex"] = to_hex(element.second);
    return object;
}

}  // namespace weir::controlplane
