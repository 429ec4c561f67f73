#include "vm/program/map_use.h"

#include <algorithm>
#include <array>

namespace weir::vm {
namespace {

using Kinds = uint64_t;  ///< a bit for each number of enum bpf_map_type

template <typename... Types>
constexpr Kinds kinds(Types... types) {
    return ((Kinds{1} << static_cast<uint32_t>(types)) | ...);
}

constexpr Kinds kPercpu = kinds(MapType::PercpuHash, MapType::PercpuArray, MapType::LruPercpuHash);
constexpr Kinds kWalkable = kPercpu | kinds(MapType::Hash, MapType::Array, MapType::LruHash);
constexpr Kinds kElements = kWalkable | kinds(MapType::LpmTrie);
constexpr Kinds kTimers = kinds(MapType::Hash, MapType::Array, MapType::LruHash);
constexpr Kinds kMapsOfMaps = kinds(MapType::ArrayOfMaps, MapType::HashOfMaps);
constexpr Kinds kDevices = kinds(MapType::Devmap, MapType::DevmapHash);
constexpr Kinds kRing = kinds(MapType::Ringbuf);
constexpr Kinds kQueues = kinds(MapType::Queue, MapType::Stack);
constexpr Kinds kBloom = kinds(MapType::BloomFilter);

struct Use {
    uint32_t helper;
    Kinds kinds;
};

/// Sorted by helper. for_each_map_elem and timer_init: what set_map_elem_callback_state and
/// map_check_btf leave of them.
constexpr std::array<Use, 16> kUses = {{
    {1, kElements | kMapsOfMaps | kDevices | kinds(MapType::Xskmap)},  // map_lookup_elem
    {2, kElements},                                                    // map_update_elem
    {3, kElements},                                                    // map_delete_elem
    {12, kinds(MapType::ProgArray)},                                   // tail_call
    {25, kinds(MapType::PerfEventArray)},                              // perf_event_output
    {51, kDevices | kinds(MapType::Cpumap, MapType::Xskmap)},          // redirect_map
    {87, kQueues | kBloom},                                            // map_push_elem
    {88, kQueues},                                                     // map_pop_elem
    {89, kQueues | kBloom},                                            // map_peek_elem
    {130, kRing},                                                      // ringbuf_output
    {131, kRing},                                                      // ringbuf_reserve
    {134, kRing},                                                      // ringbuf_query
    {164, kWalkable},                                                  // for_each_map_elem
    {169, kTimers},                                                    // timer_init
    {195, kPercpu},                                                    // map_lookup_percpu_elem
    {198, kRing},                                                      // ringbuf_reserve_dynptr
}};
static_assert(std::ranges::is_sorted(kUses, {}, &Use::helper));

}  // namespace

bool helper_takes_map(uint32_t helper_id, MapType type) {
    const auto number = static_cast<uint32_t>(type);
    const auto* const use = std::ranges::lower_bound(kUses, helper_id, {}, &Use::helper);
    if (use == kUses.end() || use->helper != helper_id || number >= 64) return false;
    return (use->kinds >> number & 1) != 0;
}

}  // namespace weir::vm
