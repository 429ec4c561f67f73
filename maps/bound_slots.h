#pragma once
// Slots that hold maps or programs of this process, each with the id that the control side knows it
// by. Any thread reads; one thread at a time changes.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "maps/region.h"
#include "maps/slot_count.h"
#include "vm/base/result.h"

namespace weir::maps {

template <typename T>
class BoundSlots {
public:
    static Result<BoundSlots> take(uint32_t slots, const std::string& map_name) {
        Result<Region> memory = Region::take(uint64_t{slots} * sizeof(Slot), map_name);
        if (!memory) return std::unexpected(memory.error());
        return BoundSlots(std::move(*memory));
    }

    /// nullptr: empty. What it points to is fully built (acquire, partner of `set`).
    T* get(uint32_t slot) const { return at(slot).object.load(std::memory_order_acquire); }
    /// Of a slot that is not empty, for who keeps changes away.
    uint32_t id(uint32_t slot) const { return at(slot).id.load(std::memory_order_relaxed); }
    void set(uint32_t slot, T* object, uint32_t id) {
        filled_.change(get(slot) != nullptr, object != nullptr);
        at(slot).id.store(id, std::memory_order_relaxed);
        at(slot).object.store(object, std::memory_order_release);
    }
    uint32_t filled() const { return filled_.get(); }
    /// Slot after slot, each with the object's address first.
    const uint8_t* data() const { return memory_.data(); }
    static constexpr uint32_t stride_bytes() { return sizeof(Slot); }
    uint64_t memory_bytes() const { return memory_.bytes(); }

private:
    struct Slot {
        std::atomic<T*> object;
        std::atomic<uint32_t> id;
    };
    static_assert(offsetof(Slot, object) == 0);

    explicit BoundSlots(Region memory) : memory_(std::move(memory)) {}
    Slot& at(uint32_t slot) const { return reinterpret_cast<Slot*>(memory_.data())[slot]; }

    Region memory_;
    SlotCount filled_;
};

}  // namespace weir::maps
