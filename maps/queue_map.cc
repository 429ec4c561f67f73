#include "maps/queue_map.h"

#include <cerrno>
#include <cstring>

#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = kMapNumaNode | kAccessFlags;

}  // namespace

Result<std::unique_ptr<vm::Map>> QueueMap::create(const vm::MapSpec& spec, MapMemory& memory) {
    if (const Result<void> ok = check_keyless_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    // At once, before the larger part is faulted in.
    const uint64_t bytes = uint64_t{spec.entries_max} * spec.value_bytes + sizeof(uint64_t);
    if (const Result<void> ok = check_memory(bytes, spec.name); !ok)
        return std::unexpected(ok.error());
    Result<Region> values = memory.take(uint64_t{spec.entries_max} * spec.value_bytes);
    if (!values) return std::unexpected(values.error());
    Result<Region> state = memory.take(sizeof(uint64_t));
    if (!state) return std::unexpected(state.error());
    return std::unique_ptr<vm::Map>(new QueueMap(spec, std::move(*values), std::move(*state)));
}

uint8_t* QueueMap::lookup(const uint8_t*, uint32_t) {
    return nullptr;
}
int QueueMap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EINVAL;
}
int QueueMap::erase(const uint8_t*) {
    return -EINVAL;
}

int QueueMap::push(const uint8_t* value, uint64_t flags) {
    return put(value, flags, Side::Program);
}
int QueueMap::pop(uint8_t* value) {
    return get(value, true, Side::Program);
}
int QueueMap::peek(uint8_t* value) {
    return get(value, false, Side::Program);
}

int QueueMap::put(const uint8_t* value, uint64_t flags, Side side) {
    if (flags != vm::kUpdateAny && flags != vm::kUpdateExist) return -EINVAL;
    if (!lock_.acquire(side)) {
        busy_.add(1);
        return -EBUSY;
    }
    Position now = position();
    const bool full = now.count == spec().entries_max;
    if (full && flags != vm::kUpdateExist) {
        lock_.release();
        full_.add(1);
        return -E2BIG;
    }
    if (full) {
        now = {behind(now.oldest), now.count - 1};
        set_position(now);
        std::atomic_thread_fence(std::memory_order_release);
    }
    std::memcpy(element(uint64_t{now.oldest} + now.count), value, spec().value_bytes);
    set_position({now.oldest, now.count + 1});
    lock_.release();
    return 0;
}

int QueueMap::get(uint8_t* value, bool remove, Side side) {
    if (!lock_.acquire(side)) {
        busy_.add(1);
        std::memset(value, 0, spec().value_bytes);
        return -EBUSY;
    }
    const auto [oldest, count] = position();
    if (count == 0) {
        lock_.release();
        std::memset(value, 0, spec().value_bytes);
        return -ENOENT;
    }
    const bool is_queue = spec().type == vm::MapType::Queue;
    std::memcpy(value, element(uint64_t{oldest} + (is_queue ? 0 : count - 1)), spec().value_bytes);
    if (remove) set_position({is_queue ? behind(oldest) : oldest, count - 1});
    lock_.release();
    return 0;
}

int QueueMap::control_lookup(const uint8_t*, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return value.size() < spec().value_bytes ? -EINVAL : get(value.data(), false, Side::Control);
}

int QueueMap::control_update(const uint8_t*, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return value.size() != spec().value_bytes ? -EINVAL : put(value.data(), flags, Side::Control);
}

int QueueMap::control_erase(const uint8_t*) {
    const int error = control_write_error(spec());
    return error != 0 ? error : -EINVAL;
}

int QueueMap::next_key(const uint8_t*, uint8_t*) {
    const int error = control_read_error(spec());
    return error != 0 ? error : -EINVAL;
}

/// From the oldest on, in the order in which they were pushed.
Salvaged QueueMap::salvage(vm::Map& into) {
    const auto [oldest, count] = position();
    if (oldest >= spec().entries_max || count > spec().entries_max) return {.torn = 1};
    Salvaged salvaged;
    for (uint32_t i = 0; i < count; ++i)
        restore_element(into, nullptr, {element(uint64_t{oldest} + i), spec().value_bytes},
                        vm::kUpdateAny, salvaged);
    return salvaged;
}

}  // namespace weir::maps
