// What workers do to hash maps, called directly: each thread is a worker with a cpu of its own.
// Times are processor time of one thread for one operation, so that 100 ns are ten million a second
// on each core.

#include <array>
#include <string>

#include "perf/micro/maps_rows.h"
#include "perf/micro/maps_tables.h"

namespace weir::perf {
namespace {

constexpr uint32_t kWorkers = 2;
constexpr uint32_t kKeyBytes = 8;

std::unique_ptr<vm::Map> filled_map(vm::MapType type, uint32_t entries, uint32_t filled) {
    auto map = make_map({.name = "updated",
                         .type = type,
                         .key_bytes = kKeyBytes,
                         .value_bytes = 8,
                         .entries_max = entries},
                        kWorkers);
    for (uint64_t number = 0; map && number < filled; ++number) {
        const auto key = key_of_number(number);
        if (map->update(key.data(), key.data(), 0, 0) != 0) map.reset();
    }
    return map;
}

/// Workers start at different places of the list.
size_t first_key(const benchmark::State& state, const KeyList& keys) {
    return static_cast<size_t>(state.thread_index()) * keys.size() / kWorkers;
}

void update_present(benchmark::State& state, vm::Map& map, const KeyList& keys) {
    const auto cpu = static_cast<uint32_t>(state.thread_index());
    const size_t mask = keys.size() - 1;
    size_t at = first_key(state, keys);
    uint32_t failed = 0;
    for (auto _ : state) {
        const uint8_t* const key = keys.at(at++ & mask);
        failed += map.update(key, key, 0, cpu) != 0;
    }
    if (failed > state.iterations() / 100) state.SkipWithError("updates fail");
}

/// Keys of one worker's half of the list are not the other's.
void insert_and_erase(benchmark::State& state, vm::Map& map, const KeyList& keys) {
    const auto cpu = static_cast<uint32_t>(state.thread_index());
    const size_t mask = keys.size() / kWorkers - 1, first = first_key(state, keys);
    size_t at = 0;
    for (auto _ : state) {
        const uint8_t* const key = keys.at(first + (at++ & mask));
        benchmark::DoNotOptimize(map.update(key, key, 0, cpu));
        benchmark::DoNotOptimize(map.erase(key));
    }
}

using Work = void (*)(benchmark::State&, vm::Map&, const KeyList&);

struct UpdateRow {
    const char* what;
    vm::MapType type;
    Work work;
};
constexpr std::array<UpdateRow, 3> kRows = {
    {{"update percpu_hash 8", vm::MapType::PercpuHash, update_present},
     {"update hash 8", vm::MapType::Hash, update_present},
     {"insert and erase, hash 8", vm::MapType::Hash, insert_and_erase}}};

void add_rows(const UpdateRow& row, uint32_t entries) {
    const bool present = row.work == update_present;
    const auto group = std::make_shared<Group>();
    const auto map = Lazy<vm::Map>::in(group, [=, type = row.type] {
        return filled_map(type, entries, present ? entries : entries / 2);
    });
    const auto keys = Lazy<KeyList>::in(group, [=] {
        return std::make_unique<KeyList>(
            draw_keys(kKeyBytes, present ? 0 : entries, present ? entries : UINT32_MAX - entries));
    });
    for (const uint32_t workers : {1u, kWorkers}) {
        const std::string what = std::string(row.what) + " " + power_of(entries) +
                                 (workers == 1 ? ", one worker" : ", two workers");
        const auto body = [=, work = row.work](benchmark::State& state) {
            vm::Map* const made = map->get(state);
            const KeyList* const walked = keys->get(state);
            if (made != nullptr && walked != nullptr) work(state, *made, *walked);
        };
        add_row(what, kWeir, body)->Threads(static_cast<int>(workers));
    }
}

}  // namespace

void add_update_rows() {
    for (const UpdateRow& row : kRows)
        for (const uint32_t entries : {1u << 10, 1u << 20}) add_rows(row, entries);
}

}  // namespace weir::perf
