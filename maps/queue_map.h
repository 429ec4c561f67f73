#pragma once
// queue and stack (kernel/bpf/queue_stack_maps.c): values without keys, in a ring that all cores
// share under one lock. As in bpf(2) the control side's look-up peeks and its update pushes; both
// ignore the key, which may be null.

#include <cstdint>
#include <memory>

#include "maps/free_list.h"
#include "maps/memory.h"
#include "maps/salvage.h"
#include "maps/spin_lock.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map; operations take turns. A worker gets -EBUSY only where a control thread
/// lost its core while it copied a value.
class QueueMap final : public vm::Map, public Salvageable {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec, MapMemory& memory);

    uint8_t* lookup(const uint8_t* key, uint32_t cpu) override;               ///< nullptr
    int update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) override;  ///< -EINVAL
    int erase(const uint8_t*) override;                                       ///< -EINVAL
    /// With kUpdateExist a full one loses its oldest value, else -E2BIG.
    int push(const uint8_t* value, uint64_t flags) override;
    /// The oldest of a queue, the newest of a stack; when empty -ENOENT and a value of zeroes.
    int pop(uint8_t* value) override;
    int peek(uint8_t* value) override;

    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t* key, std::span<uint8_t> value) override;
    int control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) override;
    int control_erase(const uint8_t* key) override;            ///< -EINVAL
    int next_key(const uint8_t* key, uint8_t* next) override;  ///< -EINVAL
    uint32_t entries() const override { return position().count; }
    uint64_t memory_bytes() const override { return memory_.bytes() + state_.bytes(); }
    uint64_t used_bytes() const override { return uint64_t{entries()} * spec().value_bytes; }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }
    /// Of the peeks, too.
    uint64_t busy_count() const override { return static_cast<uint64_t>(busy_.sum()); }
    Salvaged salvage(vm::Map& into) override;

private:
    struct Position {
        uint32_t oldest;  ///< below entries_max
        uint32_t count;
    };

    QueueMap(const vm::MapSpec& spec, Region memory, Region state)
        : Map(spec), memory_(std::move(memory)), state_(std::move(state)) {}

    /// Both numbers in one word, which is stored after the value that it lets in and before the
    /// one that it lets go is overwritten: so it is right at every moment, also that of a crash.
    std::atomic<uint64_t>& position_word() const {
        return *reinterpret_cast<std::atomic<uint64_t>*>(state_.data());
    }
    Position position() const {
        const uint64_t word = position_word().load(std::memory_order_relaxed);
        return {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word)};
    }
    void set_position(Position position) {
        position_word().store(uint64_t{position.oldest} << 32 | position.count,
                              std::memory_order_release);
    }
    uint32_t behind(uint32_t oldest) const {
        return oldest + 1 == spec().entries_max ? 0 : oldest + 1;
    }

    uint8_t* element(uint64_t position) const {
        return memory_.data() + position % spec().entries_max * spec().value_bytes;
    }
    int put(const uint8_t* value, uint64_t flags, Side side);
    int get(uint8_t* value, bool remove, Side side);

    Region memory_;
    Region state_;
    SpinLock lock_;  ///< guards the position; readers of entries() do not take it
    ShardedCounter full_;
    ShardedCounter busy_;
};

}  // namespace weir::maps
