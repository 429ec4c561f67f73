#include "controlplane/telemetry/metrics.h"

#include <map>

#include "controlplane/telemetry/families.h"
#include "controlplane/telemetry/stats_json.h"
#include "controlplane/telemetry/worker_metrics.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;
void add_port_counters(Families& families, const std::string& port, const api::Counters& counters) {
    const Labels labels = {{"port", port}};
    families.counter("weir_port_receive_packets_total", "Packets received.", labels, counters.rx);
    families.counter("weir_port_receive_bytes_total", "Bytes received.", labels, counters.rx_bytes);
    families.counter("weir_port_transmit_packets_total", "Packets sent.", labels, counters.tx);
    families.counter("weir_port_transmit_bytes_total", "Bytes sent.", labels, counters.tx_bytes);
    families.counter("weir_port_to_kernel_packets_total", "Packets given to the host's stack.",
                     labels, counters.to_kernel);
    families.counter("weir_port_cloned_packets_total", "Copies made of packets.", labels,
                     counters.cloned);
    families.counter("weir_port_generated_packets_total", "Packets made here.", labels,
                     counters.generated);
    families.gauge("weir_port_in_flight_packets", "Packets received and not yet accounted for.",
                   labels, counters.in_flight);
    for (const auto& [reason, count] : counters.drops)
        families.counter("weir_port_drops_total", "Packets dropped, by reason.",
                         {{"port", port}, {"reason", reason}}, count);
    for (const auto& [verdict, count] : counters.verdicts)
        families.counter("weir_port_verdicts_total", "Verdicts of the ingress chain.",
                         {{"port", port}, {"verdict", verdict}}, count);
}

void add_port_state(Families& families, const api::PortInfo& port) {
    const Labels labels = {{"port", port.name}};
    families.gauge("weir_port_link_up", "1 while the link is up.", labels, uint64_t{port.link_up});
    families.gauge("weir_port_out_of_service",
                   "1 while the port's chains do not run: a fault, or a budget.", labels,
                   uint64_t{!port.out_of_service.empty()});
    families.gauge("weir_port_link_mbps", "Speed of the link, 0 where the device does not say.",
                   labels, uint64_t{port.link_mbps});
    families.counter("weir_port_link_downs_total", "Times that the link was seen to go down.",
                     labels, port.link_downs);
    families.gauge("weir_port_removed", "1 once the device went away.", labels,
                   uint64_t{port.removed});
    families.counter("weir_port_device_missed_total",
                     "Packets that the device dropped for want of descriptors.", labels,
                     port.imissed);
    families.counter("weir_port_device_no_buffer_total",
                     "Receives that found the packet pool empty.", labels, port.rx_nombuf);
    families.counter("weir_port_device_receive_errors_total", "The device's receive errors.",
                     labels, port.ierrors);
    families.counter("weir_port_device_transmit_errors_total", "The device's transmit errors.",
                     labels, port.oerrors);
    families.counter("weir_port_bad_checksums_total",
                     "Sampled frames with a wrong layer-4 checksum.", labels, port.bad_checksums);
    families.counter(
        "weir_port_heads_moved_total",
        "Frames moved in their buffer, since a program put more than 128 bytes in front.", labels,
        port.heads_moved);
}

void add_programs(Families& families, const api::Stats& stats) {
    for (const api::ProgramInfo& program : stats.programs) {
        families.counter("weir_program_runs_total", "Runs of the program.",
                         {{"program", program.name}}, program.runs);
        families.gauge("weir_program_faulted", "1 since the program faulted and was taken out.",
                       {{"program", program.name}}, uint64_t{!program.fault.empty()});
        for (const auto& [verdict, count] : program.verdicts)
            families.counter("weir_program_verdicts_total", "Verdicts of the program.",
                             {{"program", program.name}, {"verdict", verdict}}, count);
    }
}

void add_maps(Families& families, const std::vector<api::MapInfo>& maps) {
    for (const api::MapInfo& map : maps) {
        const Labels labels = {{"map", map.name}};
        families.gauge("weir_map_entries", "Elements in the map.", labels, uint64_t{map.entries});
        families.gauge("weir_map_max_entries", "Elements that the map may hold.", labels,
                       uint64_t{map.spec.entries_max});
        families.gauge("weir_map_memory_bytes", "Memory that the map takes and never exceeds.",
                       labels, map.memory_bytes);
        families.gauge("weir_map_used_bytes", "Memory that the map's elements need.", labels,
                       map.used_bytes);
        families.counter("weir_map_full_total", "Inserts refused because the map was full.", labels,
                         map.full_count);
        families.counter("weir_map_busy_total",
                         "Writes given up because another writer held a lock.", labels,
                         map.busy_count);
        families.counter("weir_map_evicted_total", "Elements that left to make room for another.",
                         labels, map.evicted_count);
        families.counter("weir_map_lost_events_total",
                         "Records that did not fit into the map's ring.", labels, map.lost_events);
        if (!map.persists) continue;
        families.gauge("weir_map_restored_elements", "Elements that the map's file held.", labels,
                       map.restored_count);
        families.gauge("weir_map_torn_elements",
                       "Elements of the map's file that were not whole and were dropped.", labels,
                       map.torn_count);
    }
}

Labels labels_of(const ExportedMap& exported, ByteSpan key) {
    Labels labels;
    for (const ExportLabel& label : exported.config.labels) {
        const vm::TypeRef& type = exported.map.spec.key_type;
        if (label.member.empty()) {
            labels.push_back({label.name, to_word(type, key)});
            continue;
        }
        const MemberPlace place = find_member(type, label.member);
        const size_t size = place.found && place.type != nullptr ? place.type->size_bytes : 0;
        const bool fits = size != 0 && place.offset_bytes + size <= key.size();
        labels.push_back(
            {label.name, fits ? to_word(place.type, key.subspan(place.offset_bytes, size)) : ""});
    }
    return labels;
}

uint64_t value_of(const ExportedMap& exported, ByteSpan slot) {
    if (exported.config.value.value.empty()) return to_number(slot);
    const MemberPlace place =
        find_member(exported.map.spec.value_type, exported.config.value.value);
    const size_t size = place.found && place.type != nullptr ? place.type->size_bytes : 0;
    if (size == 0 || place.offset_bytes + size > slot.size()) return 0;
    return to_number(slot.subspan(place.offset_bytes, size));
}

void add_export(Families& families, const ExportedMap& exported) {
    std::map<Labels, uint64_t> series;
    uint64_t left_out = 0;
    for (const auto& [key, value] : exported.elements) {
        uint64_t sum = 0;
        for (const ByteSpan slot : value_slots(exported.map, value))
            sum += value_of(exported, slot);
        const Labels labels = labels_of(exported, key);
        const auto found = series.find(labels);
        if (found != series.end())
            found->second += sum;
        else if (series.size() < exported.config.series_max)
            series.emplace(labels, sum);
        else
            ++left_out;
    }
    for (const auto& [labels, value] : series) {
        if (exported.config.type == MetricType::Counter)
            families.counter(exported.config.name, "Exported from a map.", labels, value);
        else
            families.gauge(exported.config.name, "Exported from a map.", labels, value);
    }
    families.gauge("weir_export_series_left_out", "Series beyond max_series.",
                   {{"name", exported.config.name}}, left_out);
}

void add_captures(Families& families, const std::vector<api::CaptureInfo>& captures) {
    families.gauge("weir_captures", "Live captures that run.", {}, uint64_t{captures.size()});
    for (const api::CaptureInfo& capture : captures) {
        const Labels labels{{"id", std::to_string(capture.id)}};
        families.counter("weir_capture_matched_packets_total", "Packets that a capture chose.",
                         labels, capture.matched);
        families.counter("weir_capture_captured_packets_total", "Of these, kept.", labels,
                         capture.captured);
        families.counter("weir_capture_dropped_packets_total", "Of these, not kept.", labels,
                         capture.dropped);
    }
}

}  // namespace

std::string metrics_text(const Scrape& scrape) {
    Families families;
    families.gauge("weir_dataplane_up", "1 while the dataplane answers.", {}, uint64_t{scrape.up});
    if (!scrape.up) return families.text();
    families.gauge("weir_build_info", "Version of the dataplane.",
                   {{"version", scrape.status.version}}, uint64_t{1});
    families.gauge("weir_uptime_seconds", "Since the dataplane started.", {},
                   static_cast<double>(scrape.status.uptime_ms) / 1000.0);
    families.gauge("weir_bypass_left_seconds",
                   "For how long nothing is filtered, because `weir bypass` said so.", {},
                   static_cast<double>(scrape.status.bypass_left_ms) / 1000.0);
    families.gauge("weir_generation", "Number of the published generation.", {},
                   scrape.stats.generation);
    for (const auto& [port, counters] : scrape.stats.ports)
        add_port_counters(families, port, counters);
    for (const api::PortInfo& port : scrape.status.ports) add_port_state(families, port);
    add_worker_metrics(families, scrape.stats);
    add_programs(families, scrape.stats);
    add_maps(families, scrape.maps);
    add_captures(families, scrape.captures);
    for (const ExportedMap& exported : scrape.exports) add_export(families, exported);
    return families.text();
}

}  // namespace weir::controlplane
