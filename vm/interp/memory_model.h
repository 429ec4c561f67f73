#pragma once
// What a program that nobody verified may touch during one run: its stack, the packet as it is now,
// and what helpers gave it. Addresses are the host's; a number is a pointer where it lies in one of
// these. What is given back or moved away is forgotten.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "vm/interp/stack_use.h"
#include "vm/interp/touch.h"
#include "vm/program/context.h"
#include "vm/program/map.h"

namespace weir::vm {

enum class RegionKind : uint8_t { MapValue, MapKey, Record, Slice };

/// Memory that the program learned of during the run.
struct Region {
    uint64_t base = 0;
    uint64_t bytes = 0;
    RegionKind kind = RegionKind::MapValue;
    bool readable = true;
    bool writable = false;
    const Map* map = nullptr;  ///< whose value, key or record; nullptr: of no map
    uint32_t owner = 0;        ///< of a slice: its dynptr's number; 0: the packet's

    bool covers(uint64_t address, uint64_t size) const {
        return address >= base && address - base <= bytes && size <= bytes - (address - base);
    }
};

/// More regions than a run can sensibly learn; their table is the run's only memory that grows.
constexpr size_t kRegionsMax = 1u << 17;

class MemoryModel {
public:
    /// `packet` outlives the model; nullptr: there is none (a timer's run). A filter may not write
    /// to the packet.
    MemoryModel(const XdpContext* packet, bool packet_writable)
        : packet_(packet), packet_writable_(packet_writable) {}

    /// Live frames: [low, high); `frame` is where r10 of the current one points.
    void set_stack(uint64_t low, uint64_t high, uint64_t frame) {
        stack_low_ = low;
        stack_high_ = high;
        stack_frame_ = frame;
    }

    /// The memory, or nullptr where not all of it may be touched like this (refusal() says why).
    /// Counts what it gives of the stack as touched.
    uint8_t* reach(uint64_t address, uint64_t bytes, Touch touch) {
        if (!on_stack(address, bytes)) return off_stack(address, bytes, touch);
        if (bytes != 0) stack_use.touch(stack_high_ - address);
        return reinterpret_cast<uint8_t*>(address);
    }
    /// The same for a load that no verifier sees, of which nothing is counted.
    bool may_read(uint64_t address, uint64_t bytes) {
        return on_stack(address, bytes) || off_stack(address, bytes, Touch::Load) != nullptr;
    }
    /// One line for a person: "packet +60, which ends at 54".
    std::string refusal(uint64_t address, uint64_t bytes, Touch touch) const;
    bool on_stack(uint64_t address, uint64_t bytes) const {
        return address >= stack_low_ && address <= stack_high_ && bytes <= stack_high_ - address;
    }

    /// False where the table is full.
    bool learn(const Region& region);
    void forget(uint64_t base) { regions_.erase(base), last_ = nullptr; }
    /// Slices of this dynptr; 0: of the packet.
    void forget_slices(uint32_t owner);
    /// How many regions the next slice learned or forgotten is compared with.
    uint64_t slice_walk() const { return has_slices_ ? regions_.size() : 0; }
    /// The region that this address lies in (its end included), or nullptr.
    const Region* find(uint64_t address) const;
    /// The region that begins here.
    std::optional<Region> at(uint64_t base) const {
        const auto found = regions_.find(base);
        return found == regions_.end() ? std::nullopt : std::optional(found->second);
    }

    void learn_maps(std::span<Map* const> maps) { maps_.insert(maps.begin(), maps.end()); }
    bool learn_map(const Map* map);
    /// The map behind a number that a program took for one, or nullptr.
    Map* map_at(uint64_t address) const;

    StackUse stack_use;

private:
    uint8_t* off_stack(uint64_t address, uint64_t bytes, Touch touch);
    bool in_packet(uint64_t address, uint64_t bytes) const;
    std::string place(uint64_t address) const;
    std::string near_region(uint64_t address, uint64_t& distance) const;

    const XdpContext* packet_;
    bool packet_writable_;
    uint64_t stack_low_ = 0, stack_high_ = 0, stack_frame_ = 0;
    std::map<uint64_t, Region> regions_;  ///< by base
    const Region* last_ = nullptr;        ///< found last
    bool has_slices_ = false;             ///< learned one in this run
    std::set<const Map*> maps_;
};

/// The value of one element, as far as the map's flags let programs touch it.
Region value_region(const Map& map, uint64_t address);
/// True where no program may change the contents.
bool is_read_only(const MapSpec& map);

}  // namespace weir::vm
