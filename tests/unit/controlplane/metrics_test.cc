#include "controlplane/telemetry/metrics.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

vm::TypeRef number(uint32_t bytes) {
    return std::make_shared<const vm::TypeInfo>(
        vm::TypeInfo{vm::TypeKind::Int, "u", bytes, false, 0, nullptr, {}, {}});
}

/// A per-CPU map of {packets, bytes} by protocol, as the quickstart has it.
ExportedMap protocols() {
    ExportedMap exported;
    exported.config.name = "firewall_packets_total";
    exported.config.value.value = "packets";
    exported.config.labels = {{"protocol", "", {}}};
    exported.map.name = "firewall/protocols";
    exported.map.spec.type = vm::MapType::PercpuArray;
    exported.map.spec.key_bytes = 4;
    exported.map.spec.value_bytes = 16;
    exported.map.spec.key_type = std::make_shared<const vm::TypeInfo>(vm::TypeInfo{
        vm::TypeKind::Enum, "protocol", 4, false, 0, nullptr, {}, {{"arp", 0}, {"icmp", 1}}});
    exported.map.spec.value_type = std::make_shared<const vm::TypeInfo>(
        vm::TypeInfo{vm::TypeKind::Struct,
                     "count",
                     16,
                     false,
                     0,
                     nullptr,
                     {{"packets", 0, 0, number(8)}, {"bytes", 64, 0, number(8)}},
                     {}});
    exported.map.cpu_slots = 2;
    Bytes value(32);
    value[0] = 5;
    value[8] = 100;
    value[16] = 7;
    exported.elements = {{Bytes{0, 0, 0, 0}, value}, {Bytes{1, 0, 0, 0}, Bytes(32)}};
    return exported;
}

Scrape scrape() {
    Scrape scrape;
    scrape.up = true;
    scrape.status.version = "1.2.3";
    scrape.stats.generation = 4;
    api::Counters counters;
    counters.rx = 10;
    counters.tx = 8;
    counters.drops = {{"verdict", 2}};
    counters.verdicts = {{"XDP_PASS", 8}, {"XDP_DROP", 2}};
    scrape.stats.ports["wan"] = counters;
    scrape.stats.programs.emplace_back();
    scrape.stats.programs[0].name = "fw";
    scrape.stats.programs[0].runs = 10;
    scrape.exports.push_back(protocols());
    api::MapInfo map;
    map.name = "fw/flows";
    map.used_bytes = 64;
    map.full_count = 1;
    map.busy_count = 2;
    map.evicted_count = 3;
    map.lost_events = 4;
    scrape.maps.push_back(map);
    return scrape;
}

void expect_line(const std::string& text, const std::string& line) {
    EXPECT_NE(("\n" + text).find("\n" + line + "\n"), std::string::npos) << line << "\nis not in\n"
                                                                         << text;
}

TEST(Metrics, NamesPortsReasonsAndGenerations) {
    const std::string text = metrics_text(scrape());
    expect_line(text, "weir_dataplane_up 1");
    expect_line(text, "weir_generation 4");
    expect_line(text, "weir_port_receive_packets_total{port=\"wan\"} 10");
    expect_line(text, "weir_port_drops_total{port=\"wan\",reason=\"verdict\"} 2");
    expect_line(text, "weir_port_verdicts_total{port=\"wan\",verdict=\"XDP_PASS\"} 8");
    expect_line(text, "weir_program_runs_total{program=\"fw\"} 10");
    expect_line(text, "# TYPE weir_port_receive_packets_total counter");
}

TEST(Metrics, SumsPerCpuValuesAndLabelsThemByTheKey) {
    const std::string text = metrics_text(scrape());
    expect_line(text, "firewall_packets_total{protocol=\"arp\"} 12");
    expect_line(text, "firewall_packets_total{protocol=\"icmp\"} 0");
    expect_line(text, "weir_export_series_left_out{name=\"firewall_packets_total\"} 0");
}

TEST(Metrics, CountsWhatMapsLost) {
    const std::string text = metrics_text(scrape());
    expect_line(text, "weir_map_used_bytes{map=\"fw/flows\"} 64");
    expect_line(text, "weir_map_full_total{map=\"fw/flows\"} 1");
    expect_line(text, "weir_map_busy_total{map=\"fw/flows\"} 2");
    expect_line(text, "weir_map_evicted_total{map=\"fw/flows\"} 3");
    expect_line(text, "weir_map_lost_events_total{map=\"fw/flows\"} 4");
    expect_line(text, "# TYPE weir_map_used_bytes gauge");
    expect_line(text, "# TYPE weir_map_evicted_total counter");
}

TEST(Metrics, LeavesOutSeriesBeyondTheBoundAndSaysSo) {
    Scrape bounded = scrape();
    bounded.exports[0].config.series_max = 1;
    const std::string text = metrics_text(bounded);
    expect_line(text, "weir_export_series_left_out{name=\"firewall_packets_total\"} 1");
    EXPECT_EQ(text.find("protocol=\"icmp\""), std::string::npos);
}

TEST(Metrics, SaysSoWhenTheDataplaneIsAway) {
    expect_line(metrics_text({}), "weir_dataplane_up 0");
}

TEST(Metrics, ShowWorkersWithAFewSeriesEach) {
    Scrape scraped = scrape();
    api::WorkerStats worker;
    worker.lcore = 2;
    worker.program_cycles = 3'000'000'000;
    worker.latency.assign(40, 0);
    worker.latency[8] = 3;   // below 512 ns
    worker.latency[10] = 4;  // up to 2048 ns
    worker.latency[39] = 1;
    worker.queues = {{"wan", 1, false, 9}, {"wan", 0, true, 5}};
    scraped.stats.workers = {worker};
    scraped.stats.chains = {{"wan", true, 4, {{"XDP_DROP", 4}}}};
    scraped.stats.tsc_hz = 2'000'000'000;
    const std::string text = metrics_text(scraped);
    for (const char* line :
         {"weir_worker_seconds_total{worker=\"0\",lcore=\"2\",part=\"program\"} 1.5\n",
          "weir_worker_latency_seconds_count{worker=\"0\",lcore=\"2\"} 8\n",
          "weir_worker_latency_seconds_bucket{worker=\"0\",lcore=\"2\",le=\"5.12e-07\"} 3\n",
          "weir_worker_latency_seconds_bucket{worker=\"0\",lcore=\"2\",le=\"+Inf\"} 8\n",
          "weir_worker_running{worker=\"0\",lcore=\"2\"} 1\n",
          "weir_queue_receive_packets_total{port=\"wan\",source=\"worker\",number=\"0\",worker="
          "\"0\"} 5\n",
          "weir_chain_verdicts_total{port=\"wan\",hook=\"egress\",verdict=\"XDP_DROP\"} 4\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    size_t buckets = 0;
    for (size_t at = 0; (at = text.find("seconds_bucket", at)) != std::string::npos; ++at)
        ++buckets;
    EXPECT_EQ(buckets, 10u);
}

}  // namespace
}  // namespace weir::controlplane
