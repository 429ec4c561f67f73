#include "controlplane/cli/offline_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "controlplane/deploy/sha256.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kLinesMax = 32;         ///< of one map, for people
constexpr uint32_t kZeroesMax = 65'536;  ///< JSON has elements that are zero of smaller arrays

bool is_filter(const OfflineReport& report) {
    return report.set.spec().type == vm::ProgramType::SocketFilter;
}

/// "XDP_DROP"; of a filter "match" or "no match"; of a packet that was not run why.
std::string outcome_word(const OfflineReport& report, const OfflineOutcome& outcome) {
    if (!outcome.ran) return outcome.error;
    if (is_filter(report)) return outcome.retval != 0 ? "match" : "no match";
    return std::string(vm::verdict_name(outcome.retval));
}

bool goes_by_number(const OfflineOutcome& outcome) {
    return outcome.ran && outcome.redirect_ifindex != 0 &&
           outcome.redirect_ifindex != vm::kRedirectByMap &&
           outcome.redirect_ifindex != vm::kRedirectToSocket;
}

Json fault_json(const vm::RunFault& fault) {
    return {{"program", fault.program}, {"insn", fault.insn}, {"message", fault.message}};
}

/// "load of 8 bytes at address 0x8 (program p, insn 1)".
std::string fault_text(const vm::RunFault& fault) {
    return fmt::format("{} (program {}, insn {})", fault.message, fault.program, fault.insn);
}

Json packet_json(const OfflineReport& report, size_t n) {
    const OfflineOutcome& outcome = report.outcomes[n];
    const CapturedPacket& packet = report.packets[n];
    Json entry = {{"n", n}, {"retval", nullptr}, {"verdict", nullptr}};
    if (outcome.ran) {
        entry["retval"] = outcome.retval;
        if (is_filter(report))
            entry["match"] = outcome.retval != 0;
        else
            entry["verdict"] = vm::verdict_name(outcome.retval);
    } else {
        entry["error"] = outcome.error;
    }
    if (goes_by_number(outcome)) entry["redirect_ifindex"] = outcome.redirect_ifindex;
    if (outcome.fault) entry["fault"] = fault_json(*outcome.fault);
    entry["len"] = packet.bytes.size();
    entry["sha256"] = sha256_hex(packet.bytes);
    return entry;
}

void print_packets(const OfflineReport& report) {
    std::map<std::string, uint64_t> words;
    for (size_t i = 0; i < report.packets.size(); ++i) {
        const OfflineOutcome& outcome = report.outcomes[i];
        const std::string word = outcome_word(report, outcome);
        fmt::print("{} {} {}", i, word, report.packets[i].bytes.size());
        if (goes_by_number(outcome)) fmt::print(" to ifindex {}", outcome.redirect_ifindex);
        if (outcome.fault) fmt::print(" fault: {}", fault_text(*outcome.fault));
        fmt::print("\n");
        ++words[outcome.ran ? word : "not run"];
        if (outcome.fault) ++words["faults"];
    }
    fmt::print("{} packets", report.packets.size());
    for (const auto& [word, count] : words) fmt::print(", {} {}", count, word);
    fmt::print("\n");
}

void print_timer_faults(const TimerFaults& faults) {
    if (faults.count == 0) return;
    fmt::print("timers: {} callback{} stopped\n", faults.count,
               faults.count == 1 ? " was" : "s were");
    for (size_t i = 0; i < std::min(faults.first.size(), kLinesMax); ++i)
        fmt::print("  fault: {}\n", fault_text(faults.first[i]));
    if (faults.count > kLinesMax) fmt::print("  … {} more\n", faults.count - kLinesMax);
}

/// A slot of a prog array or of a map in map holds a number that only this run knows.
std::string slot_text(const OfflineReport& report, vm::MapType type, uint64_t id) {
    if (type == vm::MapType::ProgArray) {
        const std::vector<vm::ProgramSpec>& programs = report.set.object().programs;
        if (id >= 1 && id <= programs.size()) return "program " + programs[id - 1].name;
    } else {
        const auto& maps = report.set.maps().all();
        if (id >= 1 && id <= maps.size()) return "map " + maps[id - 1]->spec().name;
    }
    return fmt::format("{:#x}", id);
}

std::string value_text(const OfflineReport& report, const vm::Map& map, const Bytes& value) {
    const vm::MapSpec& spec = map.spec();
    switch (spec.type) {
        case vm::MapType::ProgArray:
        case vm::MapType::ArrayOfMaps:
        case vm::MapType::HashOfMaps: return slot_text(report, spec.type, to_number(value));
        default: break;
    }
    // Per-CPU slots are padded; offline there is one.
    return to_json(spec.value_type, ByteSpan(value).first(spec.value_bytes)).dump();
}

void print_elements(const OfflineReport& report, vm::Map& map) {
    const vm::MapSpec& spec = map.spec();
    if (spec.frozen) return;  // nothing that a run could have changed
    const OfflineElements elements = OfflineMaps::elements(map, 0);
    if (elements.empty()) return;
    fmt::print("map {}: {}, {} element{}{}\n", spec.name, vm::map_type_name(spec.type),
               elements.size(), elements.size() == 1 ? "" : "s",
               OfflineMaps::always_has_all(spec.type) ? " other than zero" : "");
    for (size_t i = 0; i < std::min(elements.size(), kLinesMax); ++i) {
        const auto& [key, value] = elements[i];
        const std::string key_text = key.empty() ? "-" : to_json(spec.key_type, key).dump();
        fmt::print("  {}: {}\n", key_text, value_text(report, map, value));
    }
    if (elements.size() > kLinesMax)
        fmt::print("  … {} more (-j has all)\n", elements.size() - kLinesMax);
}

void print_events(vm::Map& map) {
    const std::optional<std::vector<Bytes>> events = OfflineMaps::take_events(map);
    if (!events || (events->empty() && map.lost_events() == 0)) return;
    fmt::print("events {}: {} record{}, {} lost\n", map.spec().name, events->size(),
               events->size() == 1 ? "" : "s", map.lost_events());
    for (size_t i = 0; i < std::min(events->size(), kLinesMax); ++i)
        fmt::print("  {}\n", to_hex((*events)[i]));
    if (events->size() > kLinesMax)
        fmt::print("  … {} more (-j has all)\n", events->size() - kLinesMax);
}

}  // namespace

Json report_json(const OfflineReport& report) {
    Json packets = Json::array(), maps = Json::object(), events = Json::object();
    for (size_t i = 0; i < report.packets.size(); ++i) packets.push_back(packet_json(report, i));
    for (const std::unique_ptr<vm::Map>& map : report.set.maps().all()) {
        Json& listed = maps[map->spec().name] = Json::array();
        for (const auto& [key, value] : OfflineMaps::elements(*map, kZeroesMax))
            listed.push_back({to_hex(key), to_hex(value)});
        const std::optional<std::vector<Bytes>> records = OfflineMaps::take_events(*map);
        if (!records) continue;
        Json& written = events[map->spec().name] = Json::array();
        for (const Bytes& record : *records) written.push_back(to_hex(record));
    }
    Json document = {
        {"packets", std::move(packets)}, {"maps", std::move(maps)}, {"events", std::move(events)}};
    if (report.unverified) document["unverified"] = true;
    if (const TimerFaults& faults = report.set.timer_faults(); faults.count != 0) {
        Json& first = document["timer_faults"]["first"] = Json::array();
        for (const vm::RunFault& fault : faults.first) first.push_back(fault_json(fault));
        document["timer_faults"]["count"] = faults.count;
    }
    return document;
}

void print_report(const OfflineReport& report) {
    print_packets(report);
    print_timer_faults(report.set.timer_faults());
    for (const std::unique_ptr<vm::Map>& map : report.set.maps().all()) {
        print_elements(report, *map);
        print_events(*map);
    }
}

}  // namespace weir::controlplane::cli
