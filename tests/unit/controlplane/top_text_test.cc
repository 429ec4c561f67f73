#include "controlplane/cli/top_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "controlplane/cli/stats_text.h"
#include "controlplane/telemetry/latency.h"
#include "controlplane/telemetry/stats_json.h"

namespace weir::controlplane {
namespace {

namespace api = dataplane::api;

api::Stats reading(uint64_t times, const std::string& port) {
    api::Stats stats;
    stats.generation = 7;
    stats.time_ns = 1'000'000'000 * times;
    stats.tsc_hz = 2'000'000'000;
    api::Counters counters;
    counters.rx = 5'000'000 * times;
    counters.rx_bytes = counters.rx * 100;
    counters.tx = 4'000'000 * times;
    counters.tx_bytes = counters.tx * 100;
    counters.in_flight = 12;
    counters.drops = {{"xdp_drop", 900'000 * times}, {"tx_full", 100'000 * times}, {"runt", 0}};
    stats.total = counters;
    stats.ports[port] = counters;
    api::WorkerStats worker;
    worker.lcore = 3;
    worker.counters = counters;
    worker.rx_cycles = 100'000'000 * times;
    worker.program_cycles = 600'000'000 * times;
    worker.tx_cycles = 300'000'000 * times;
    worker.idle_cycles = 1'000'000'000 * times;
    worker.latency.assign(40, 0);
    worker.latency[11] = 4'950'000 * times;
    worker.latency[14] = 50'000 * times;
    stats.workers.push_back(worker);
    worker.index = 1;
    worker.state = api::WorkerState::Stuck;
    stats.workers.push_back(worker);
    stats.programs.emplace_back();
    stats.programs.back().name = "scrub";
    stats.programs.back().runs = 5'000'000 * times;
    stats.programs.back().verdicts = {{"XDP_PASS", 4'100'000 * times},
                                      {"XDP_DROP", 900'000 * times}};
    return stats;
}

TEST(TopFrame, ShowsWhatWentOnBetweenTwoReadings) {
    const std::string frame =
        cli::top_frame(stats_json(reading(3, "wan")), stats_json(reading(5, "wan")));
    EXPECT_EQ(frame,
              "weir  generation 7  in 5.0M pps  out 4.0M pps  dropped 1.0M pps\n"
              "\n"
              "WORKER  CPU   BUSY   PPS  CYCLES/PACKET rx  program  tx     p50     p99   max\n"
              "     0    3    50%  5.0M                20      120  60  4096ns  4096ns  32us\n"
              "     1    3  stuck  5.0M                20      120  60  4096ns  4096ns  32us\n"
              "\n"
              "PORT  IN pps  bit/s  OUT pps  bit/s  DROPPED pps  IN FLIGHT\n"
              "wan     5.0M   4.0G     4.0M   3.2G         1.0M         12\n"
              "\n"
              "PROGRAM  RUNS/s  PASS    DROP  TX  REDIRECT  ABORTED\n"
              "scrub      5.0M  4.1M  900.0k   0         0        0\n"
              "\n"
              "DROPPED FOR     pps   so far\n"
              "xdp_drop     900.0k  4500000\n"
              "tx_full      100.0k   500000\n");
}

TEST(TopFrame, FitsEightyColumnsAndTakesAFirstReading) {
    const std::string name(60, 'x');
    api::Stats now = reading(123'456'789, name);
    now.programs.back().name = name;
    std::istringstream lines(cli::top_frame(stats_json(api::Stats{}), stats_json(now)));
    size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_GT(count, 8u);
}

TEST(TopFrame, StaysQuietWhereACounterStartedAnew) {
    const std::string frame =
        cli::top_frame(stats_json(reading(9, "wan")), stats_json(reading(1, "wan")));
    EXPECT_NE(frame.find("in 0 pps  out 0 pps"), std::string::npos) << frame;
}

TEST(StatsTable, SaysHowBusyWorkersWere) {
    const std::string table = cli::stats_table(stats_json(reading(1, "wan")));
    EXPECT_NE(table.find("worker 0: lcore 3, 50% busy, 5000000 received, cycles per packet 20.0 "
                         "rx, 120.0 program, 60.0 tx, latency p50 4096ns, p99 4096ns, max 32us"),
              std::string::npos)
        << table;
}

TEST(Latency, NamesTheBucketsEnd) {
    const std::vector<uint64_t> counts = {0, 98, 1, 0, 1};
    EXPECT_EQ(latency_ns_at(counts, 0.5), 4u);
    EXPECT_EQ(latency_ns_at(counts, 0.99), 8u);
    EXPECT_EQ(latency_ns_at(counts, 1), 32u);
    EXPECT_EQ(latency_ns_at({}, 0.5), 0u);
    EXPECT_NEAR(latency_sum_seconds(counts), (98 * 3 + 6 + 24) / 1e9, 1e-12);
}

TEST(StatsJson, ShowsWorkersQueuesAndChains) {
    api::Stats stats = reading(1, "wan");
    stats.workers[0].queues = {{"wan", 0, false, 9}, {"lan", 1, true, 5}};
    stats.chains = {{"wan", true, 4, {{"XDP_PASS", 4}}}};
    const Json document = stats_json(stats);
    const Json& worker = document["workers"][0];
    EXPECT_EQ(worker["state"], "running");
    EXPECT_EQ(worker["cycles"]["program"], 600'000'000u);
    EXPECT_EQ(worker["latency_ns"]["max"], 32768u);
    EXPECT_EQ(worker["rx"], 5'000'000u);
    EXPECT_EQ(worker["queues"].dump(),
              R"([{"port":"wan","queue":0,"rx":9},{"port":"lan","from_worker":1,"rx":5}])");
    EXPECT_EQ(document["chains"].dump(),
              R"([{"port":"wan","hook":"egress","packets":4,"verdicts":{"XDP_PASS":4}}])");
    EXPECT_EQ(document["tsc_hz"], 2'000'000'000u);
}

}  // namespace
}  // namespace weir::controlplane
