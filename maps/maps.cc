#include "maps/maps.h"

#include <fmt/core.h>

#include "maps/array_map.h"
#include "maps/hash_map.h"
#include "maps/lpm_map.h"
#include "vm/base/limits.h"
#include "vm/helpers/helpers.h"

namespace weir::maps {
namespace {

std::unexpected<Error> not_offered(const vm::MapSpec& spec) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("map {}: {} is not offered yet; array, percpu_array, hash, percpu_hash "
                            "and lpm_trie are",
                            spec.name, vm::map_type_name(spec.type)));
}

}  // namespace

Result<std::unique_ptr<vm::Map>> create_map(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if (cpu_slots == 0 || cpu_slots > kWorkersMax) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("map {}: {} cpu slots, between 1 and {} are possible", spec.name,
                                cpu_slots, kWorkersMax));
    }
    switch (spec.type) {
        case vm::MapType::Array:
        case vm::MapType::PercpuArray: return ArrayMap::create(spec, cpu_slots);
        case vm::MapType::Hash: return HashMap::create(spec, cpu_slots);
        case vm::MapType::PercpuHash: return PercpuHashMap::create(spec, cpu_slots);
        case vm::MapType::LpmTrie: return LpmMap::create(spec);
        case vm::MapType::ProgArray:
        case vm::MapType::PerfEventArray:
        case vm::MapType::LruHash:
        case vm::MapType::LruPercpuHash:
        case vm::MapType::ArrayOfMaps:
        case vm::MapType::HashOfMaps:
        case vm::MapType::Devmap:
        case vm::MapType::Cpumap:
        case vm::MapType::Xskmap:
        case vm::MapType::Queue:
        case vm::MapType::Stack:
        case vm::MapType::DevmapHash:
        case vm::MapType::Ringbuf:
        case vm::MapType::BloomFilter: return not_offered(spec);
    }
    return not_offered(spec);  // a number that has no name
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
