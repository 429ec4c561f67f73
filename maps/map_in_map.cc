#include "maps/map_in_map.h"

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/hash_map.h"
#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kArrayFlagsAllowed = kMapNumaNode | vm::kMapRdonly | vm::kMapWronly;
constexpr uint32_t kHashFlagsAllowed =
    vm::kMapNoPrealloc | vm::kMapZeroSeed | kMapNumaNode | kAccessFlags;

/// Access of the control side belongs to its descriptors, not to the map
/// (bpf_map_flags_retain_permanent). Programs see devmaps read-only whatever their flags say
/// (dev_map_init_map).
uint32_t flags_that_count(const vm::MapSpec& spec) {
    const uint32_t permanent = spec.flags & ~(vm::kMapRdonly | vm::kMapWronly);
    const bool devmap = spec.type == vm::MapType::Devmap || spec.type == vm::MapType::DevmapHash;
    return devmap ? permanent | vm::kMapRdonlyProg : permanent;
}

}  // namespace

Result<void> check_inner_spec(const vm::MapSpec& spec) {
    if (spec.inner == nullptr) return refuse(spec, "it does not say what its inner maps are like");
    switch (spec.inner->type) {
        case vm::MapType::ArrayOfMaps:
        case vm::MapType::HashOfMaps:
        case vm::MapType::ProgArray:
            return refuse(spec, fmt::format("inner maps cannot be of type {}",
                                            vm::map_type_name(spec.inner->type)));
        case vm::MapType::Hash:
        case vm::MapType::Array:
        case vm::MapType::PerfEventArray:
        case vm::MapType::PercpuHash:
        case vm::MapType::PercpuArray:
        case vm::MapType::LruHash:
        case vm::MapType::LruPercpuHash:
        case vm::MapType::LpmTrie:
        case vm::MapType::Devmap:
        case vm::MapType::Cpumap:
        case vm::MapType::Xskmap:
        case vm::MapType::Queue:
        case vm::MapType::Stack:
        case vm::MapType::DevmapHash:
        case vm::MapType::Ringbuf:
        case vm::MapType::BloomFilter:
        case vm::MapType::UserRingbuf: return {};
    }
    return refuse(spec, "inner maps are of a kind that does not exist");
}

bool is_such_a_map(const vm::MapSpec& wanted, const vm::MapSpec& inner) {
    if (wanted.type != inner.type || wanted.key_bytes != inner.key_bytes ||
        wanted.value_bytes != inner.value_bytes ||
        flags_that_count(wanted) != flags_that_count(inner) ||
        wanted.spin_lock_offset != inner.spin_lock_offset ||
        wanted.timer_offset != inner.timer_offset)
        return false;
    const bool size_counts =
        wanted.type == vm::MapType::Xskmap ||
        (wanted.type == vm::MapType::Array && (wanted.flags & kMapInnerMap) == 0);
    return !size_counts || wanted.entries_max == inner.entries_max;
}

// -- both

/// Programs only look up: the verifier refuses the rest.
int MapOfMaps::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EOPNOTSUPP;
}
int MapOfMaps::erase(const uint8_t*) {
    return -EOPNOTSUPP;
}

int MapOfMaps::control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) {
    const int error = control_write_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}

// -- array_of_maps

Result<std::unique_ptr<vm::Map>> ArrayOfMaps::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_fd_array_spec(spec, kArrayFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    if (const Result<void> ok = check_inner_spec(spec); !ok) return std::unexpected(ok.error());
    auto slots = BoundSlots<vm::Map>::take(spec.entries_max, spec.name);
    if (!slots) return std::unexpected(slots.error());
    return std::unique_ptr<vm::Map>(new ArrayOfMaps(spec, std::move(*slots)));
}

uint8_t* ArrayOfMaps::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    const uint32_t index = index_of(key);
    return index < spec().entries_max ? reinterpret_cast<uint8_t*>(slots_.get(index)) : nullptr;
}

int ArrayOfMaps::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < kFdBytes) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max || slots_.get(index) == nullptr) return -ENOENT;
    const uint32_t id = slots_.id(index);
    std::memcpy(value.data(), &id, sizeof id);
    return 0;
}

int ArrayOfMaps::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    if (slots_.get(index) == nullptr) return -ENOENT;
    slots_.set(index, nullptr, 0);
    return 0;
}

int ArrayOfMaps::bind_map(const uint8_t* key, vm::Map* inner, uint32_t id) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    if (inner == nullptr || !is_such_a_map(*spec().inner, inner->spec())) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    slots_.set(index, inner, id);
    return 0;
}

int ArrayOfMaps::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

// -- hash_of_maps

Result<std::unique_ptr<vm::Map>> HashOfMaps::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_hash_spec(spec, kHashFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    if (spec.value_bytes != kFdBytes)
        return refuse(spec, fmt::format("value size {} must be {}", spec.value_bytes, kFdBytes));
    if (const Result<void> ok = check_inner_spec(spec); !ok) return std::unexpected(ok.error());
    auto slots = BoundSlots<vm::Map>::take(spec.entries_max, spec.name);
    if (!slots) return std::unexpected(slots.error());
    auto table = HashTable::create({.key_bytes = spec.key_bytes,
                                    .payload_bytes = 0,
                                    .entries_max = spec.entries_max,
                                    .spare_elements = 0,
                                    .threads = 1,
                                    .zero_seed = (spec.flags & vm::kMapZeroSeed) != 0},
                                   spec.name);
    if (!table) return std::unexpected(table.error());
    return std::unique_ptr<vm::Map>(new HashOfMaps(spec, std::move(*slots), std::move(*table)));
}

/// Looks again when the element left meanwhile: it may hold another key's map by then.
uint8_t* HashOfMaps::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    for (;;) {
        const HashTable::Hit hit = table_->find(key);
        if (!hit) return nullptr;
        vm::Map* const inner = slots_.get(hit.element);
        if (hit.unchanged()) return reinterpret_cast<uint8_t*>(inner);
    }
}

int HashOfMaps::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < kFdBytes) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const HashTable::Hit hit = table_->find(key);
    if (!hit) return -ENOENT;
    const uint32_t id = slots_.id(hit.element);
    std::memcpy(value.data(), &id, sizeof id);
    return 0;
}

int HashOfMaps::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    HashTable::Guard guard(*table_, key, Side::Control);
    const uint32_t element = guard.element();
    if (element == kNoElement) return -ENOENT;
    guard.remove();
    slots_.set(element, nullptr, 0);
    table_->give_back_element(element);
    return 0;
}

int HashOfMaps::bind_map(const uint8_t* key, vm::Map* inner, uint32_t id) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (inner == nullptr || !is_such_a_map(*spec().inner, inner->spec())) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    HashTable::Guard guard(*table_, key, Side::Control);
    if (guard.element() != kNoElement) {
        slots_.set(guard.element(), inner, id);
        return 0;
    }
    const uint32_t fresh = table_->take_element();
    if (fresh == kNoElement) {
        full_.add(1);
        return -E2BIG;
    }
    table_->write_key(fresh, key);
    slots_.set(fresh, inner, id);
    guard.insert(fresh);
    return 0;
}

int HashOfMaps::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return table_->next_key(key, next);
}

}  // namespace weir::maps
