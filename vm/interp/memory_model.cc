#include "vm/interp/memory_model.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "vm/base/check.h"
#include "vm/interp/code_address.h"

namespace weir::vm {
namespace {

constexpr uint64_t kNullPageBytes = 4096;  ///< a null pointer and an offset
constexpr uint64_t kNearBytes = 1u << 20;  ///< farther away, an address belongs to nothing
/// The field of a value that this access would touch.
std::optional<GuardedField> guard_hit(const Region& region, uint64_t address, uint64_t bytes) {
    if (region.kind != RegionKind::MapValue) return std::nullopt;
    const auto low = static_cast<int64_t>(address - region.base);
    return guarded_field_in(region.map->spec(), low, low + static_cast<int64_t>(bytes));
}

bool allows(const Region& region, uint64_t address, uint64_t bytes, Touch touch) {
    if (reads(touch) && !region.readable) return false;
    if (writes(touch) && !region.writable) return false;
    return !guard_hit(region, address, bytes);
}

std::string_view touch_name(Touch touch) {
    switch (touch) {
        case Touch::Load: return "load";
        case Touch::Store: return "store";
        case Touch::Atomic: return "atomic access";
        case Touch::AtomicLoad: return "atomic load";
    }
    return "access";
}

std::string region_name(const Region& region) {
    const std::string map = region.map == nullptr ? "" : " of " + region.map->spec().name;
    switch (region.kind) {
        case RegionKind::MapValue: return "map value" + map;
        case RegionKind::MapKey: return "map key" + map;
        case RegionKind::Record: return "record" + map;
        case RegionKind::Slice: return "dynptr slice";
    }
    return "memory";
}

/// "packet +60, which ends at 54", for a place beside [low, high) counted from `zero`.
std::string beside(std::string_view name, uint64_t address, uint64_t zero, uint64_t low,
                   uint64_t high) {
    const auto from_zero = [&](uint64_t at) { return static_cast<int64_t>(at - zero); };
    if (address < low)
        return fmt::format("{} {:+}, which begins at {}", name, from_zero(address), from_zero(low));
    return fmt::format("{} {:+}, which ends at {}", name, from_zero(address), from_zero(high));
}

uint64_t distance_to(uint64_t address, uint64_t low, uint64_t high) {
    if (address < low) return low - address;
    return address > high ? address - high : 0;
}

uint64_t number(const uint8_t* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

}  // namespace

bool is_read_only(const MapSpec& map) {
    switch (map.type) {
        case MapType::Devmap:  // a look-up shows the kernel's own entry
        case MapType::DevmapHash:
        case MapType::Cpumap:
        case MapType::Xskmap: return true;
        case MapType::Hash:
        case MapType::Array:
        case MapType::ProgArray:
        case MapType::PerfEventArray:
        case MapType::PercpuHash:
        case MapType::PercpuArray:
        case MapType::LruHash:
        case MapType::LruPercpuHash:
        case MapType::LpmTrie:
        case MapType::ArrayOfMaps:
        case MapType::HashOfMaps:
        case MapType::Queue:
        case MapType::Stack:
        case MapType::Ringbuf:
        case MapType::BloomFilter:
        case MapType::UserRingbuf: break;
    }
    return map.frozen || (map.flags & kMapRdonlyProg) != 0;
}

Region value_region(const Map& map, uint64_t address) {
    return {.base = address,
            .bytes = map.spec().value_bytes,
            .kind = RegionKind::MapValue,
            .readable = (map.spec().flags & kMapWronlyProg) == 0,
            .writable = !is_read_only(map.spec()),
            .map = &map};
}

bool MemoryModel::in_packet(uint64_t address, uint64_t bytes) const {
    if (packet_ == nullptr) return false;
    const uint64_t low = number(packet_->data_meta), high = number(packet_->data_end);
    return address >= low && address <= high && bytes <= high - address;
}

uint8_t* MemoryModel::off_stack(uint64_t address, uint64_t bytes, Touch touch) {
    // The kernel has no atomic access to a packet: check_atomic in kernel/bpf/verifier.c.
    if (in_packet(address, bytes) &&
        (touch == Touch::Load || (touch == Touch::Store && packet_writable_)))
        return reinterpret_cast<uint8_t*>(address);
    if (last_ == nullptr || !last_->covers(address, bytes)) last_ = find(address);
    if (last_ == nullptr || !last_->covers(address, bytes) ||
        !allows(*last_, address, bytes, touch))
        return nullptr;
    return reinterpret_cast<uint8_t*>(address);
}

const Region* MemoryModel::find(uint64_t address) const {
    const auto after = regions_.upper_bound(address);
    if (after == regions_.begin()) return nullptr;
    const Region& before = std::prev(after)->second;
    return before.covers(address, 0) ? &before : nullptr;
}

/// Slices of one dynptr may overlap: they become one region.
bool MemoryModel::learn(const Region& region) {
    if (regions_.size() >= kRegionsMax && !regions_.contains(region.base)) return false;
    Region joined = region;
    if (region.kind == RegionKind::Slice && !has_slices_) {
        has_slices_ = true;
    } else if (region.kind == RegionKind::Slice) {
        const auto touches = [&](const Region& other) {
            return other.kind == RegionKind::Slice && other.owner == joined.owner &&
                   other.base <= joined.base + joined.bytes &&
                   joined.base <= other.base + other.bytes;
        };
        for (auto each = regions_.begin(); each != regions_.end();) {
            if (!touches(each->second)) {
                ++each;
                continue;
            }
            const Region& other = each->second;
            const uint64_t end = std::max(joined.base + joined.bytes, other.base + other.bytes);
            joined.base = std::min(joined.base, other.base);
            joined.bytes = end - joined.base;
            joined.writable = joined.writable || other.writable;
            each = regions_.erase(each);
        }
    }
    regions_.insert_or_assign(joined.base, joined);
    last_ = nullptr;
    return true;
}

void MemoryModel::forget_slices(uint32_t owner) {
    if (!has_slices_) return;
    std::erase_if(regions_, [&](const auto& each) {
        return each.second.kind == RegionKind::Slice && each.second.owner == owner;
    });
    last_ = nullptr;
}

bool MemoryModel::learn_map(const Map* map) {
    if (maps_.size() >= kRegionsMax) return maps_.contains(map);
    maps_.insert(map);
    return true;
}

Map* MemoryModel::map_at(uint64_t address) const {
    Map* const map = reinterpret_cast<Map*>(address);
    return maps_.contains(map) ? map : nullptr;
}

/// The nearest of the regions on both sides.
std::string MemoryModel::near_region(uint64_t address, uint64_t& distance) const {
    std::string text;
    const auto consider = [&](const Region& region) {
        const uint64_t away = distance_to(address, region.base, region.base + region.bytes);
        if (away >= distance) return;
        distance = away;
        text = beside(region_name(region), address, region.base, region.base,
                      region.base + region.bytes);
    };
    const auto after = regions_.upper_bound(address);
    if (after != regions_.end()) consider(after->second);
    if (after != regions_.begin()) consider(std::prev(after)->second);
    return text;
}

std::string MemoryModel::place(uint64_t address) const {
    if (address < kNullPageBytes)
        return fmt::format("null +{}; compare the pointer with 0 first", address);
    if (is_code_address(address)) return "the address of a function";
    if (const Map* map = map_at(address))
        return fmt::format("map {}; maps are reached through helpers", map->spec().name);
    uint64_t distance = kNearBytes;
    std::string nearest = near_region(address, distance);
    if (const uint64_t away = distance_to(address, stack_low_, stack_high_); away < distance) {
        distance = away;
        nearest = beside("stack", address, stack_frame_, stack_low_, stack_high_);
    }
    if (packet_ != nullptr) {
        const uint64_t low = number(packet_->data_meta), high = number(packet_->data_end);
        if (distance_to(address, low, high) < distance)
            return beside("packet", address, number(packet_->data), low, high);
    }
    if (!nearest.empty()) return nearest;
    const bool small = address <= std::numeric_limits<uint32_t>::max() || -address <= kNearBytes;
    return small ? fmt::format("number {}, which is no pointer", static_cast<int64_t>(address))
                 : fmt::format("{:#x}, which the program was not given", address);
}

std::string MemoryModel::refusal(uint64_t address, uint64_t bytes, Touch touch) const {
    const std::string what =
        fmt::format("{} of {} byte{} at ", touch_name(touch), bytes, bytes == 1 ? "" : "s");
    if (in_packet(address, bytes))
        return what +
               fmt::format("packet {:+}: {}", static_cast<int64_t>(address - number(packet_->data)),
                           is_atomic(touch) ? "atomic instructions may not reach into the packet"
                                            : "a socket filter may not change the packet");
    const Region* region = find(address);
    if (region == nullptr || !region->covers(address, bytes)) return what + place(address);
    const std::string where = fmt::format("{} +{}", region_name(*region), address - region->base);
    if (reads(touch) && !region->readable) return what + where + ", which is write-only";
    if (writes(touch) && !region->writable) return what + where + ", which is read-only";
    const auto hit = guard_hit(*region, address, bytes);
    WEIR_CHECK(hit.has_value());
    return what + fmt::format("{} touches the {} at +{}, which only helpers may", where, hit->name,
                              hit->offset);
}

}  // namespace weir::vm
