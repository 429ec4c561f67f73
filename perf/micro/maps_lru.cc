// Flows through an lru_hash, called directly: look up, and insert where it is missing. Each thread
// is a worker with a cpu and flows of its own, as a NIC hands them out.

#include <array>
#include <cstring>
#include <string>

#include "perf/micro/maps_rows.h"
#include "perf/micro/maps_tables.h"

namespace weir::perf {
namespace {

constexpr uint32_t kWorkers = 2;
constexpr uint32_t kEntries = 1u << 16;
constexpr uint32_t kWindow = kEntries / 4;  ///< flows that come back are of the newest so many

std::unique_ptr<vm::Map> make_lru() {
    return make_map({.name = "lru",
                     .type = vm::MapType::LruHash,
                     .key_bytes = 8,
                     .value_bytes = 8,
                     .entries_max = kEntries},
                    kWorkers);
}

/// One in `newest` flows is new.
void pass_flows(benchmark::State& state, vm::Map& map, const KeyList& numbers, uint32_t newest) {
    const auto cpu = static_cast<uint32_t>(state.thread_index());
    static std::array<uint64_t, kWorkers> next{};  // goes on where the row before ended
    uint64_t fresh = next[cpu];
    const uint64_t own = uint64_t{cpu} << 56;
    const vm::LookupFn look_up = map.lookup_function();
    size_t at = 0;
    for (auto _ : state) {
        const uint8_t* const drawn = numbers.at(at++ & (numbers.size() - 1));
        uint32_t number = 0;
        std::memcpy(&number, drawn, sizeof number);
        const bool is_new = number % newest == 0;
        const uint64_t flow = own | (is_new ? fresh++ : fresh - 1 - number % kWindow);
        const auto* const key = reinterpret_cast<const uint8_t*>(&flow);
        if (look_up(map, key, cpu) == nullptr)
            benchmark::DoNotOptimize(map.update(key, key, 0, cpu));
    }
    next[cpu] = fresh;
}

}  // namespace

void add_lru_rows() {
    const auto group = std::make_shared<Group>();
    const auto map = Lazy<vm::Map>::in(group, make_lru);
    const auto numbers = Lazy<KeyList>::in(
        group, [] { return std::make_unique<KeyList>(draw_keys(8, 0, 1u << 20)); });
    for (const uint32_t newest : {10u, 1u}) {
        for (const uint32_t workers : {1u, kWorkers}) {
            const std::string what = std::string("lru ") + (newest == 1 ? "all" : "10 %") + " new" +
                                     (workers == 1 ? ", one worker" : ", two workers");
            const auto body = [=](benchmark::State& state) {
                vm::Map* const made = map->get(state);
                const KeyList* const drawn = numbers->get(state);
                if (made != nullptr && drawn != nullptr) pass_flows(state, *made, *drawn, newest);
            };
            add_row(what, kWeir, body)->Threads(static_cast<int>(workers));
        }
    }
}

}  // namespace weir::perf
