#include "controlplane/cli/stats_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace weir::controlplane::cli {
namespace {

uint64_t sum_of(const Json& object, const char* key) {
    uint64_t sum = 0;
    if (const auto found = object.find(key); found != object.end() && found->is_object())
        for (const auto& [name, count] : found->items())
            if (count.is_number()) sum += count.get<uint64_t>();
    return sum;
}

/// "blocked 5, truncated 1", counts of zero left out.
std::string list_of(const Json& object, const char* key) {
    std::string list;
    if (const auto found = object.find(key); found != object.end() && found->is_object())
        for (const auto& [name, count] : found->items())
            if (count.is_number() && count.get<uint64_t>() != 0)
                list +=
                    fmt::format("{}{} {}", list.empty() ? "" : ", ", name, count.get<uint64_t>());
    return list;
}

std::string port_row(const std::string& name, const Json& counters) {
    return fmt::format("{:<12}{:>14}{:>14}{:>12}{:>12}  {}\n", name, number_at(counters, "rx"),
                       number_at(counters, "tx"), number_at(counters, "to_kernel"),
                       sum_of(counters, "drops"), list_of(counters, "drops"));
}

/// "worker 0: lcore 2, 71% busy, 10.2 + 40.1 + 15.0 cycles per packet (rx, program, tx), …"
std::string worker_line(const Json& worker) {
    const auto found = worker.find("cycles");
    if (found == worker.end()) return "";
    const auto cycles = [&](const char* part) {
        return static_cast<double>(number_at(*found, part));
    };
    const double busy = cycles("rx") + cycles("program") + cycles("tx");
    const double packets = std::max(1.0, static_cast<double>(number_at(worker, "rx")));
    const Json& latency = worker["latency_ns"];
    return fmt::format(
        "worker {}: lcore {}, {:.0f}% busy, {} received, cycles per packet {:.1f} rx, {:.1f} "
        "program, {:.1f} tx, latency p50 {}, p99 {}, max {}\n",
        number_at(worker, "index"), number_at(worker, "lcore"),
        100 * busy / std::max(1.0, busy + cycles("idle")), number_at(worker, "rx"),
        cycles("rx") / packets, cycles("program") / packets, cycles("tx") / packets,
        duration_text(number_at(latency, "p50")), duration_text(number_at(latency, "p99")),
        duration_text(number_at(latency, "max")));
}

}  // namespace

uint64_t number_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<uint64_t>() : 0;
}

std::string aborted_text(const Json& program) {
    std::string text;
    if (const auto found = program.find("aborted"); found != program.end() && found->is_array())
        for (const Json& place : *found)
            text += fmt::format("{}{} at insn {}", text.empty() ? "" : ", ",
                                number_at(place, "count"), number_at(place, "insn"));
    return text.empty() ? text : "aborted " + text;
}

std::string duration_text(uint64_t nanoseconds) {
    if (nanoseconds == 0) return "-";
    if (nanoseconds < 10'000) return fmt::format("{}ns", nanoseconds);
    if (nanoseconds < 10'000'000) return fmt::format("{}us", nanoseconds / 1000);
    return fmt::format("{}ms", nanoseconds / 1'000'000);
}

std::string short_number(double number) {
    constexpr std::array<const char*, 4> kUnits = {"", "k", "M", "G"};
    size_t unit = 0;
    while (number >= 1000 && unit + 1 < kUnits.size()) {
        number /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f}", number)
                     : fmt::format("{:.1f}{}", number, kUnits[unit]);
}

std::string stats_table(const Json& stats) {
    std::string text = fmt::format("generation {}\n\n{:<12}{:>14}{:>14}{:>12}{:>12}  {}\n",
                                   number_at(stats, "generation"), "port", "received", "sent",
                                   "to kernel", "dropped", "by reason");
    for (const auto& [name, counters] : stats["ports"].items()) text += port_row(name, counters);
    text += port_row("total", stats["total"]);
    text += "\n";
    for (const auto& [name, counters] : stats["ports"].items())
        if (const std::string verdicts = list_of(counters, "verdicts"); !verdicts.empty())
            text += fmt::format("verdicts on {}: {}\n", name, verdicts);
    for (const auto& [name, program] : stats["programs"].items()) {
        const std::string verdicts = list_of(program, "verdicts"), aborted = aborted_text(program);
        text += fmt::format("program {}: {} runs{}{}{}{}\n", name, number_at(program, "runs"),
                            verdicts.empty() ? "" : ", ", verdicts, aborted.empty() ? "" : "; ",
                            aborted);
    }
    for (const Json& worker : stats["workers"]) text += worker_line(worker);
    return text;
}

std::string stats_line(const Json& before, const Json& now) {
    const Json& total = now["total"];
    const std::string tail = fmt::format("generation {}", number_at(now, "generation"));
    if (!before.is_object())
        return fmt::format("{} received, {} sent, {} dropped, {}", number_at(total, "rx"),
                           number_at(total, "tx"), sum_of(total, "drops"), tail);
    const double seconds = std::max(
        1e-3, static_cast<double>(number_at(now, "time_ns") - number_at(before, "time_ns")) / 1e9);
    const auto rate = [&](uint64_t then, uint64_t later) {
        return short_number(later > then ? static_cast<double>(later - then) / seconds : 0);
    };
    const Json& earlier = before["total"];
    const std::string reasons = list_of(total, "drops");
    return fmt::format("in {} pps, out {} pps, dropped {} pps{}{}{}; {} received; {}",
                       rate(number_at(earlier, "rx"), number_at(total, "rx")),
                       rate(number_at(earlier, "tx"), number_at(total, "tx")),
                       rate(sum_of(earlier, "drops"), sum_of(total, "drops")),
                       reasons.empty() ? "" : " (so far ", reasons, reasons.empty() ? "" : ")",
                       number_at(total, "rx"), tail);
}

}  // namespace weir::controlplane::cli
