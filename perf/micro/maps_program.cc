// Maps through programs: the same object in the live kernel and in our machine code. What a row
// says is the time for one key less that of the same loop without the map, both measured in turns.

#include "perf/micro/maps_program.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/micro/maps_routes.h"
#include "perf/micro/maps_tables.h"
#include "perf/micro/thread_cpu.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::perf {
namespace {

/// Of one measurement. Many, since the kernel waits for a grace period (tens of milliseconds)
/// before and after the runs of each call.
constexpr uint32_t kRuns = 8'000;
constexpr uint32_t kInCache = 1u << 10, kLarge = 1u << 20, kLruEntries = 1u << 16;
constexpr double kNsPerSecond = 1e9;

class WeirHost final : public ProgramHost {
public:
    /// False where a map cannot be made.
    bool load(const MapSizes& sizes) {
        object_ = vm::load_object_file(WEIR_MAPS_OBJECT, {.map_entries_max = sizes}).value();
        for (const vm::MapSpec& spec : object_.maps) {
            maps_[spec.name] = make_map(spec, 1);
            if (!maps_[spec.name]) return false;
        }
        return true;
    }

    bool fill(const std::string& map, const KeyList& keys) override {
        vm::Map& into = *maps_.at(map);
        std::vector<uint8_t> value(into.spec().value_bytes);
        for (uint32_t i = 0; i < keys.size(); ++i) {
            const bool by_index = map == "keys";
            if (by_index) std::memcpy(value.data(), keys.at(i), keys.key_bytes());
            const auto* const key = by_index ? reinterpret_cast<const uint8_t*>(&i) : keys.at(i);
            if (into.control_update(key, value, 0) != 0) return false;
        }
        return true;
    }

    double run(const std::string& program, uint32_t runs) override {
        const jit::CompiledProgram& machine = compiled(program);
        std::array<uint8_t, 64> packet{};
        uint8_t* const end = packet.data() + packet.size();
        vm::XdpContext context{packet.data(), end, packet.data(), packet.data(), end, 1, 0, 0};
        const double start = thread_cpu_ns();
        for (uint32_t i = 0; i < runs; ++i) benchmark::DoNotOptimize(machine.run(context, env_));
        return (thread_cpu_ns() - start) / runs / kKeysPerRun;
    }

    uint64_t memory_bytes(const std::string& map) override { return maps_.at(map)->memory_bytes(); }

private:
    const jit::CompiledProgram& compiled(const std::string& name) {
        std::unique_ptr<jit::CompiledProgram>& place = compiled_[name];
        if (place) return *place;
        const auto spec = std::ranges::find(object_.programs, name, &vm::ProgramSpec::name);
        const auto proof = vm::verify(*spec);
        if (!proof) std::fprintf(stderr, "%s: %s\n", name.c_str(), proof.error().message.c_str());
        WEIR_CHECK(proof.has_value());
        std::vector<vm::Map*> bound;
        for (const vm::MapSpec& map : spec->maps) bound.push_back(maps_.at(map.name).get());
        const auto verified =
            std::make_shared<const vm::VerifiedProgram>(vm::accept(*spec, *proof).value());
        place = jit::compile(verified, bound, maps::all_helpers(), jit::Engine::kJit).value();
        return *place;
    }

    vm::ObjectSpec object_;
    std::map<std::string, std::unique_ptr<vm::Map>> maps_;
    std::map<std::string, std::unique_ptr<jit::CompiledProgram>> compiled_;
    vm::RunEnv env_;
};

using Load = std::unique_ptr<ProgramHost> (*)(const MapSizes&);

struct Place {
    const char* way;
    Load load;
};

std::vector<Place> places() {
    std::vector<Place> all = {{kWeir, load_in_weir}};
    const std::string missing = kernel_missing();
    if (missing.empty())
        all.push_back({kKernel, load_in_kernel});
    else
        leave_out("kernel: " + missing);
    return all;
}

/// Rows over one map of a size: what fills it, and what the programs walk over.
struct MapRows {
    std::string map;
    uint32_t entries;
    std::function<KeyList()> contents;
    std::function<KeyList()> walked;
    std::string label;  ///< of the memory it takes
};

struct ProgramRow {
    std::string what;
    std::string program;
    std::string floor = "walk";
};

std::unique_ptr<ProgramHost> loaded(const MapRows& rows, Load load) {
    const KeyList walked = rows.walked();
    auto host = load({{rows.map, rows.entries}, {"keys", static_cast<uint32_t>(walked.size())}});
    if (!host || !host->fill("keys", walked) || !host->fill(rows.map, rows.contents()))
        return nullptr;
    return host;
}

/// One after the other, so that what slows the machine slows both.
void measure(benchmark::State& state, ProgramHost& host, const ProgramRow& row, const char* way) {
    for (auto _ : state) {
        const double gross = host.run(row.program, kRuns);
        const double floor = host.run(row.floor, kRuns);
        gross_table().add(row.what, way, gross);
        gross_table().add("floor of the loop: " + row.floor, way, floor);
        state.SetIterationTime(std::max(gross - floor, 0.01) / kNsPerSecond);
    }
}

void add_rows(const std::vector<Place>& where, const MapRows& rows,
              const std::vector<ProgramRow>& programs) {
    const auto group = std::make_shared<Group>();
    std::vector<std::shared_ptr<Lazy<ProgramHost>>> hosts;
    for (const Place& place : where) {
        hosts.push_back(
            Lazy<ProgramHost>::in(group, [rows, load = place.load] { return loaded(rows, load); }));
    }
    for (const ProgramRow& row : programs) {
        for (size_t i = 0; i < where.size(); ++i) {
            const auto body = [=, host = hosts[i], way = where[i].way](benchmark::State& state) {
                ProgramHost* const found = host->get(state);
                if (found == nullptr) return;
                note_memory(rows.label, way, found->memory_bytes(rows.map));
                measure(state, *found, row, way);
            };
            add_row(row.what, where[i].way, body)->UseManualTime()->Iterations(1);
        }
    }
}

KeyList numbered_keys(uint32_t key_bytes, uint64_t count) {
    KeyList keys(key_bytes);
    for (uint64_t number = 0; number < count; ++number) keys.add(key_of_number(number).data());
    return keys;
}

MapRows hash_rows(const std::string& map, uint32_t key_bytes, uint32_t entries, bool hit) {
    return {map, entries, [=] { return numbered_keys(key_bytes, entries); },
            [=] { return draw_keys(key_bytes, hit ? 0 : entries, entries); },
            map + " of a program, " + power_of(entries)};
}

void add_hash_programs(const std::vector<Place>& where) {
    for (const uint32_t bytes : {4u, 8u, 16u}) {
        const std::string map = "hash" + std::to_string(bytes);
        const std::string what = "program: hash " + std::to_string(bytes) + " hit ";
        add_rows(where, hash_rows(map, bytes, kInCache, true), {{what + "2^10", "look_up_" + map}});
    }
    add_rows(where, hash_rows("hash8", 8, kInCache, false),
             {{"program: hash 8 miss 2^10", "look_up_hash8"}});
    add_rows(where, hash_rows("hash8", 8, kLarge, true),
             {{"program: hash 8 hit 2^20", "look_up_hash8"}});
    add_rows(where, hash_rows("hash8", 8, kInCache, true),
             {{"program: hash 8 update 2^10", "update_hash8"}});
    add_rows(where, hash_rows("percpu8", 8, kInCache, true),
             {{"program: percpu_hash 8 update 2^10", "update_percpu8"}});
}

void add_lpm_programs(const std::vector<Place>& where) {
    for (const uint32_t count : {100'000u, 1'000'000u}) {
        const std::string size = std::to_string(count / 1000) + "k";
        add_rows(where,
                 {"lpm4", count, [=] { return ipv4_prefixes(count); },
                  [=] { return ipv4_addresses(count); }, "lpm4 of a program, " + size},
                 {{"program: lpm IPv4 " + size, "look_up_lpm4"}});
    }
    constexpr uint32_t kIpv6 = 200'000;
    add_rows(where,
             {"lpm6", kIpv6, [] { return ipv6_prefixes(kIpv6); },
              [] { return ipv6_addresses(kIpv6); }, "lpm6 of a program, 200k"},
             {{"program: lpm IPv6 200k", "look_up_lpm6"}});
}

void add_lru_programs(const std::vector<Place>& where) {
    const MapRows rows = {"lru8", kLruEntries, [] { return KeyList(8); },
                          [] { return draw_keys(8, 0, kLarge); }, "lru8 of a program, 2^16"};
    add_rows(where, rows,
             {{"program: lru 10 % new", "flows_tenth_new", "walk_tenth_new"},
              {"program: lru all new", "flows_all_new", "walk_all_new"}});
}

}  // namespace

std::unique_ptr<ProgramHost> load_in_weir(const MapSizes& sizes) {
    auto host = std::make_unique<WeirHost>();
    if (!host->load(sizes)) return nullptr;
    return host;
}

void add_program_rows() {
    const std::vector<Place> where = places();
    add_hash_programs(where);
    add_lpm_programs(where);
    add_lru_programs(where);
}

}  // namespace weir::perf
