#include "controlplane/cli/top_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "controlplane/cli/stats_text.h"
#include "controlplane/cli/text_table.h"
#include "controlplane/telemetry/latency.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kProgramsShown = 8;
constexpr size_t kReasonsShown = 8;
constexpr size_t kNameColumns = 20;

const Json& member(const Json& object, const std::string& key) {
    static const Json kNothing = Json::object();
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() ? *found : kNothing;
}

/// How much a counter grew; 0 where it started anew.
uint64_t growth(const Json& before, const Json& now, const char* key) {
    const uint64_t then = number_at(before, key), later = number_at(now, key);
    return later > then ? later - then : 0;
}

std::string cut(const std::string& name) {
    return name.size() <= kNameColumns ? name : name.substr(0, kNameColumns - 1) + "~";
}

/// Two readings and the time between them.
class Frame {
public:
    Frame(const Json& before, const Json& now)
        : before_(before),
          now_(now),
          seconds_(std::max(1e-3, static_cast<double>(growth(before, now, "time_ns")) / 1e9)) {}

    std::string text() const {
        return head() + "\n" + workers() + "\n" + ports() + programs() + reasons();
    }

private:
    std::string rate(double packets) const { return short_number(packets / seconds_); }
    std::string rate(const Json& before, const Json& now, const char* key) const {
        return rate(static_cast<double>(growth(before, now, key)));
    }
    uint64_t drops(const Json& before, const Json& now) const {
        uint64_t sum = 0;
        for (const auto& [reason, count] : member(now, "drops").items())
            sum += growth(member(before, "drops"), member(now, "drops"), reason.c_str());
        return sum;
    }

    std::string head() const {
        const Json &then = member(before_, "total"), &total = member(now_, "total");
        return fmt::format("weir  generation {}  in {} pps  out {} pps  dropped {} pps\n",
                           number_at(now_, "generation"), rate(then, total, "rx"),
                           rate(then, total, "tx"), rate(static_cast<double>(drops(then, total))));
    }

    std::string workers() const {
        TextTable table({{"WORKER", true},
                         {"CPU", true},
                         {"BUSY", true},
                         {"PPS", true},
                         {"CYCLES/PACKET rx", true},
                         {"program", true},
                         {"tx", true},
                         {"p50", true},
                         {"p99", true},
                         {"max", true}});
        const Json &then = member(before_, "workers"), &workers = member(now_, "workers");
        for (size_t i = 0; i < workers.size(); ++i)
            add_worker(table, i < then.size() ? then[i] : Json::object(), workers[i]);
        return table.take();
    }

    void add_worker(TextTable& table, const Json& then, const Json& worker) const {
        const Json &cycles_then = member(then, "cycles"), &cycles = member(worker, "cycles");
        const uint64_t packets = growth(then, worker, "rx");
        const auto spent = [&](const char* part) { return growth(cycles_then, cycles, part); };
        const auto each = [&](const char* part) {
            return packets == 0 ? "-"
                                : short_number(static_cast<double>(spent(part)) /
                                               static_cast<double>(packets));
        };
        const uint64_t busy = spent("rx") + spent("program") + spent("tx");
        const uint64_t all = busy + spent("idle");
        const std::vector<uint64_t> latency = latencies(then, worker);
        const std::string state = worker.value("state", "running");
        table.add({fmt::format("{}", number_at(worker, "index")),
                   fmt::format("{}", number_at(worker, "lcore")),
                   state != "running" ? state
                   : all == 0         ? "-"
                                      : fmt::format("{}%", busy * 100 / all),
                   rate(static_cast<double>(packets)), each("rx"), each("program"), each("tx"),
                   duration_text(latency_ns_at(latency, 0.5)),
                   duration_text(latency_ns_at(latency, 0.99)),
                   duration_text(latency_ns_at(latency, 1))});
    }

    static std::vector<uint64_t> latencies(const Json& then, const Json& worker) {
        const Json &earlier = member(then, "latency"), &later = member(worker, "latency");
        std::vector<uint64_t> counts;
        for (size_t i = 0; i < later.size(); ++i) {
            const auto now = later[i].get<uint64_t>();
            const uint64_t before = i < earlier.size() ? earlier[i].get<uint64_t>() : 0;
            counts.push_back(now > before ? now - before : 0);
        }
        return counts;
    }

    std::string ports() const {
        TextTable table({{"PORT"},
                         {"IN pps", true},
                         {"bit/s", true},
                         {"OUT pps", true},
                         {"bit/s", true},
                         {"DROPPED pps", true},
                         {"IN FLIGHT", true}});
        for (const auto& [name, port] : member(now_, "ports").items()) {
            const Json& then = member(member(before_, "ports"), name);
            const auto bits = [&](const char* key) {
                return rate(8.0 * static_cast<double>(growth(then, port, key)));
            };
            table.add({cut(name), rate(then, port, "rx"), bits("rx_bytes"), rate(then, port, "tx"),
                       bits("tx_bytes"), rate(static_cast<double>(drops(then, port))),
                       short_number(static_cast<double>(number_at(port, "in_flight")))});
        }
        return table.take();
    }

    struct Ranked {
        uint64_t growth = 0;
        std::string name;
    };
    static std::vector<Ranked> first(std::vector<Ranked> ranked, size_t most) {
        std::ranges::stable_sort(ranked, std::greater<>(), &Ranked::growth);
        if (ranked.size() > most) ranked.resize(most);
        return ranked;
    }

    std::string programs() const {
        std::vector<Ranked> ranked;
        const Json &then = member(before_, "programs"), &programs = member(now_, "programs");
        for (const auto& [name, program] : programs.items())
            ranked.push_back({growth(member(then, name), program, "runs"), name});
        if (ranked.empty()) return "";
        TextTable table({{"PROGRAM"},
                         {"RUNS/s", true},
                         {"PASS", true},
                         {"DROP", true},
                         {"TX", true},
                         {"REDIRECT", true},
                         {"ABORTED", true}});
        for (const Ranked& one : first(std::move(ranked), kProgramsShown)) {
            const Json& earlier = member(member(then, one.name), "verdicts");
            const Json& verdicts = member(programs[one.name], "verdicts");
            std::vector<std::string> cells = {cut(one.name), rate(static_cast<double>(one.growth))};
            for (const char* verdict :
                 {"XDP_PASS", "XDP_DROP", "XDP_TX", "XDP_REDIRECT", "XDP_ABORTED"})
                cells.push_back(rate(earlier, verdicts, verdict));
            table.add(std::move(cells));
        }
        return "\n" + table.take();
    }

    std::string reasons() const {
        const Json& drops = member(member(now_, "total"), "drops");
        const Json& then = member(member(before_, "total"), "drops");
        std::vector<Ranked> ranked;
        for (const auto& [reason, count] : drops.items()) {
            if (count.get<uint64_t>() != 0)
                ranked.push_back({growth(then, drops, reason.c_str()), reason});
        }
        if (ranked.empty()) return "";
        TextTable table({{"DROPPED FOR"}, {"pps", true}, {"so far", true}});
        for (const Ranked& one : first(std::move(ranked), kReasonsShown))
            table.add({one.name, rate(static_cast<double>(one.growth)),
                       fmt::format("{}", number_at(drops, one.name.c_str()))});
        return "\n" + table.take();
    }

    const Json& before_;
    const Json& now_;
    double seconds_;
};

}  // namespace

std::string top_frame(const Json& before, const Json& now) {
    return Frame(before, now).text();
}

}  // namespace weir::controlplane::cli
