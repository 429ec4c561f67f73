#include "maps/maps.h"

#include <fmt/core.h>

#include "maps/array_map.h"
#include "maps/bloom_map.h"
#include "maps/cpumap.h"
#include "maps/devmap.h"
#include "maps/hash_map.h"
#include "maps/lpm_map.h"
#include "maps/lru_map.h"
#include "maps/map_helpers.h"
#include "maps/map_in_map.h"
#include "maps/perf_event_map.h"
#include "maps/prog_array.h"
#include "maps/queue_map.h"
#include "maps/ringbuf_map.h"
#include "maps/user_ringbuf_map.h"
#include "maps/value_fields.h"
#include "maps/xskmap.h"
#include "vm/base/limits.h"
#include "vm/helpers/helpers.h"

namespace weir::maps {

Result<std::unique_ptr<vm::Map>> create_map(const vm::MapSpec& spec, uint32_t cpu_slots) {
    MapMemory memory(spec.name);
    return create_map(spec, cpu_slots, memory);
}

Result<std::unique_ptr<vm::Map>> create_map(const vm::MapSpec& spec, uint32_t cpu_slots,
                                            MapMemory& memory) {
    if (cpu_slots == 0 || cpu_slots > kWorkersMax) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: {} cpu slots, between 1 and {} are possible", spec.name,
                                cpu_slots, kWorkersMax));
    }
    if (const Result<void> fields = check_value_fields(spec); !fields)
        return std::unexpected(fields.error());
    switch (spec.type) {
        case vm::MapType::Array:
        case vm::MapType::PercpuArray: return ArrayMap::create(spec, cpu_slots, memory);
        case vm::MapType::Hash: return HashMap::create(spec, cpu_slots, memory);
        case vm::MapType::PercpuHash: return PercpuHashMap::create(spec, cpu_slots, memory);
        case vm::MapType::LruHash:
        case vm::MapType::LruPercpuHash: return LruMap::create(spec, cpu_slots, memory);
        case vm::MapType::LpmTrie: return LpmMap::create(spec, memory);
        case vm::MapType::ProgArray: return ProgArray::create(spec);
        case vm::MapType::ArrayOfMaps: return ArrayOfMaps::create(spec);
        case vm::MapType::HashOfMaps: return HashOfMaps::create(spec);
        case vm::MapType::Devmap: return Devmap::create(spec);
        case vm::MapType::DevmapHash: return DevmapHash::create(spec);
        case vm::MapType::Cpumap: return Cpumap::create(spec, cpu_slots);
        case vm::MapType::Xskmap: return Xskmap::create(spec);
        case vm::MapType::Queue:
        case vm::MapType::Stack: return QueueMap::create(spec, memory);
        case vm::MapType::Ringbuf: return RingbufMap::create(spec);
        case vm::MapType::UserRingbuf: return UserRingbufMap::create(spec);
        case vm::MapType::PerfEventArray: return PerfEventMap::create(spec, cpu_slots);
        case vm::MapType::BloomFilter: return BloomMap::create(spec, memory);
    }
    return fail(ErrorKind::kUnsupported,
                fmt::format("map {}: {}", spec.name, vm::map_type_refusal(spec.type)));
}

void add_map_helpers(vm::HelperTable& table) {
    add_element_helpers(table);
    add_queue_helpers(table);
    add_iteration_helpers(table);
    add_redirect_helpers(table);
    add_event_helpers(table);
    add_lock_helpers(table);
}

const vm::HelperTable& all_helpers() {
    static const vm::HelperTable table = [] {
        vm::HelperTable filled;
        vm::add_base_helpers(filled);
        add_map_helpers(filled);
        return filled;
    }();
    return table;
}

}  // namespace weir::maps
