#include "vm/program/map_use.h"

#include <algorithm>
#include <array>

#include "vm/isa/helper_ids.h"

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
    HelperId helper;
    Kinds kinds;
};

/// Sorted by helper. for_each_map_elem and timer_init: what set_map_elem_callback_state and
/// map_check_btf leave of them.
constexpr auto kUses = std::to_array<Use>({
    {HelperId::map_lookup_elem, kElements | kMapsOfMaps | kDevices | kinds(MapType::Xskmap)},
    {HelperId::map_update_elem, kElements},
    {HelperId::map_delete_elem, kElements},
    {HelperId::tail_call, kinds(MapType::ProgArray)},
    {HelperId::perf_event_output, kinds(MapType::PerfEventArray)},
    {HelperId::redirect_map, kDevices | kinds(MapType::Cpumap, MapType::Xskmap)},
    {HelperId::map_push_elem, kQueues | kBloom},
    {HelperId::map_pop_elem, kQueues},
    {HelperId::map_peek_elem, kQueues | kBloom},
    {HelperId::ringbuf_output, kRing},
    {HelperId::ringbuf_reserve, kRing},
    {HelperId::ringbuf_query, kRing},
    {HelperId::for_each_map_elem, kWalkable},
    {HelperId::timer_init, kTimers},
    {HelperId::map_lookup_percpu_elem, kPercpu},
    {HelperId::ringbuf_reserve_dynptr, kRing},
    {HelperId::user_ringbuf_drain, kinds(MapType::UserRingbuf)},
});
static_assert(std::ranges::is_sorted(kUses, {}, &Use::helper));

}  // namespace

bool helper_takes_map(uint32_t helper_id, MapType type) {
    const auto number = static_cast<uint32_t>(type);
    const HelperId helper{helper_id};
    const auto* const use = std::ranges::lower_bound(kUses, helper, {}, &Use::helper);
    if (use == kUses.end() || use->helper != helper || number >= 64) return false;
    return (use->kinds >> number & 1) != 0;
}

}  // namespace weir::vm
