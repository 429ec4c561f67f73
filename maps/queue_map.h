#pragma once
// queue and stack (kernel/bpf/queue_stack_maps.c): values without keys, in a ring that all cores
// share under one lock. As in bpf(2) the control side's look-up peeks and its update pushes; both
// ignore the key, which may be null.

#include <cstdint>
#include <memory>

#include "maps/free_list.h"
#include "maps/region.h"
#include "maps/spin_lock.h"
#include "vm/base/result.h"
#include "vm/program/map.h"

namespace weir::maps {

/// Threads: as vm::Map; operations take turns (workers wait a bounded time, then -EBUSY).
class QueueMap final : public vm::Map {
public:
    static Result<std::unique_ptr<vm::Map>> create(const vm::MapSpec& spec);

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
    uint32_t entries() const override { return count_.load(std::memory_order_relaxed); }
    uint64_t memory_bytes() const override { return memory_.bytes(); }
    uint64_t full_count() const override { return static_cast<uint64_t>(full_.sum()); }

private:
    QueueMap(const vm::MapSpec& spec, Region memory) : Map(spec), memory_(std::move(memory)) {}

    uint8_t* element(uint64_t position) const {
        return memory_.data() + position % spec().entries_max * spec().value_bytes;
    }
    int put(const uint8_t* value, uint64_t flags, Side side);
    int get(uint8_t* value, bool remove, Side side);

    Region memory_;
    SpinLock lock_;                   ///< guards what follows; readers of entries() do not take it
    uint64_t oldest_ = 0;             ///< position, below entries_max
    std::atomic<uint32_t> count_{0};  ///< written under the lock
    ShardedCounter full_;
};

}  // namespace weir::maps
