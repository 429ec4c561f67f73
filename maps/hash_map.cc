#include "maps/hash_map.h"

#include <cerrno>

#include <fmt/core.h>

#include "maps/spec_check.h"
#include "maps/words.h"
#include "vm/base/limits.h"

namespace weir::maps {
namespace {

constexpr uint32_t kLineBytes = 64;
constexpr uint32_t kFlagsAllowedPercpu = vm::kMapNoPrealloc | vm::kMapZeroSeed | kAccessFlags;
constexpr uint32_t kFlagsAllowed = kFlagsAllowedPercpu | kMapNumaNode;
/// Looks without the lock that the control side takes before it locks the bucket to get at a value:
/// programs may replace a large value faster than it can be copied.
constexpr uint32_t kOptimisticReadsMax = 64;

Result<void> check(const vm::MapSpec& spec) {
    const Result<void> common =
        check_common(spec, vm::is_percpu(spec.type) ? kFlagsAllowedPercpu : kFlagsAllowed);
    if (!common) return common;
    if (spec.key_bytes == 0) return refuse(spec, "key size is 0, at least 1 byte is needed");
    if (spec.key_bytes > kMapKeyBytesMax) {
        return refuse(spec, fmt::format("key size {} exceeds {}", spec.key_bytes, kMapKeyBytesMax));
    }
    if (!spec.contents.empty())
        return refuse(spec, "first contents are for arrays of one element only");
    return {};
}

/// Copies the value of `key` with `copy(element)` at a moment when the key held it.
template <typename Copy>
int read_value(HashTable& table, const uint8_t* key, const Copy& copy) {
    for (uint32_t look = 0; look < kOptimisticReadsMax; ++look) {
        const HashTable::Hit hit = table.find(key);
        if (!hit) return -ENOENT;
        copy(hit.element);
        if (hit.unchanged()) return 0;
    }
    const HashTable::Guard guard(table, key, Side::Control);
    if (guard.element() == kNoElement) return -ENOENT;
    copy(guard.element());
    return 0;
}

int remove_key(HashTable& table, const uint8_t* key, Side side) {
    HashTable::Guard guard(table, key, side);
    if (!guard.locked()) return -EBUSY;
    const uint32_t element = guard.element();
    if (element == kNoElement) return -ENOENT;
    guard.remove();
    table.give_back_element(element);
    return 0;
}

HashTableShape shape_of(const vm::MapSpec& spec, uint32_t payload_bytes, uint32_t spare_elements,
                        uint32_t cpu_slots) {
    return {.key_bytes = spec.key_bytes,
            .payload_bytes = payload_bytes,
            .entries_max = spec.entries_max,
            .spare_elements = spare_elements,
            .threads = cpu_slots,
            .zero_seed = (spec.flags & vm::kMapZeroSeed) != 0};
}

}  // namespace

// -- hash
// ---------------------------------------------------------------------------------------------

Result<std::unique_ptr<vm::Map>> HashMap::create(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if (const Result<void> ok = check(spec); !ok) return std::unexpected(ok.error());
    const auto payload = static_cast<uint32_t>(round_up_to(spec.value_bytes, kWordBytes));
    auto table = HashTable::create(shape_of(spec, payload, cpu_slots + 1, cpu_slots), spec.name);
    if (!table) return std::unexpected(table.error());
    return std::unique_ptr<vm::Map>(new HashMap(spec, std::move(*table), cpu_slots));
}

HashMap::HashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, uint32_t cpu_slots)
    : Map(spec), table_(std::move(table)), spares_(cpu_slots + 1) {
    for (uint32_t i = 0; i <= cpu_slots; ++i) spares_[i].element = spec.entries_max + i;
}

uint8_t* HashMap::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    const HashTable::Hit hit = table_->find(key);
    return hit ? table_->payload(hit.element) : nullptr;
}

int HashMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    if (cpu >= spares_.size() - 1) return -EINVAL;
    return put(spares_[cpu], key, value, flags, Side::Program);
}

int HashMap::put(Spare& spare, const uint8_t* key, const uint8_t* value, uint64_t flags,
                 Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    const uint32_t fresh = spare.element;
    table_->write_key(fresh, key);
    store_words(table_->payload(fresh), value, spec().value_bytes);

    HashTable::Guard guard(*table_, key, side);
    if (!guard.locked()) return -EBUSY;
    if (const uint32_t old = guard.element(); old != kNoElement) {
        if (flags == vm::kUpdateNoExist) return -EEXIST;
        guard.replace(fresh);
        spare.element = old;
        return 0;
    }
    if (flags == vm::kUpdateExist) return -ENOENT;
    const uint32_t next_spare = table_->take_element();
    if (next_spare == kNoElement) {
        full_.add(1);
        return -E2BIG;
    }
    guard.insert(fresh);
    spare.element = next_spare;
    return 0;
}

int HashMap::remove(const uint8_t* key, Side side) {
    return remove_key(*table_, key, side);
}

int HashMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    return read_value(*table_, key, [&](uint32_t element) {
        load_words(value.data(), table_->payload(element), spec().value_bytes);
    });
}

int HashMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    return put(spares_.back(), key, value.data(), flags, Side::Control);
}

int HashMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return remove(key, Side::Control);
}

int HashMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return table_->next_key(key, next);
}

// -- percpu_hash
// --------------------------------------------------------------------------------------

Result<std::unique_ptr<vm::Map>> PercpuHashMap::create(const vm::MapSpec& spec,
                                                       uint32_t cpu_slots) {
    if (const Result<void> ok = check(spec); !ok) return std::unexpected(ok.error());
    const uint64_t plane_bytes =
        round_up_to(round_up_to(spec.value_bytes, kWordBytes) * spec.entries_max, kLineBytes);
    Result<Region> values = Region::take(plane_bytes * cpu_slots, spec.name);
    if (!values) return std::unexpected(values.error());
    auto table = HashTable::create(shape_of(spec, 0, 0, cpu_slots), spec.name);
    if (!table) return std::unexpected(table.error());
    return std::unique_ptr<vm::Map>(
        new PercpuHashMap(spec, std::move(*table), std::move(*values), cpu_slots));
}

PercpuHashMap::PercpuHashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table,
                             Region values, uint32_t cpu_slots)
    : Map(spec),
      table_(std::move(table)),
      cpu_slots_(cpu_slots),
      stride_(static_cast<uint32_t>(round_up_to(spec.value_bytes, kWordBytes))),
      plane_bytes_(round_up_to(uint64_t{stride_} * spec.entries_max, kLineBytes)),
      values_(std::move(values)) {}

uint8_t* PercpuHashMap::lookup(const uint8_t* key, uint32_t cpu) {
    if (cpu >= cpu_slots_) return nullptr;
    const HashTable::Hit hit = table_->find(key);
    return hit ? value_of(hit.element, cpu) : nullptr;
}

int PercpuHashMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    if (cpu >= cpu_slots_) return -EINVAL;
    return put(key, {.base = value, .step = 0, .only_cpu = cpu}, flags, Side::Program);
}

void PercpuHashMap::write_slots(uint32_t element, const SlotValues& values) {
    const bool all = values.only_cpu == kAllCpus;
    const uint32_t begin = all ? 0 : values.only_cpu;
    const uint32_t end = all ? cpu_slots_ : values.only_cpu + 1;
    for (uint32_t cpu = begin; cpu < end; ++cpu) {
        store_words(value_of(element, cpu), values.base + cpu * values.step, spec().value_bytes);
    }
}

/// The kernel's pcpu_init_value: of the key that used the element before, nothing may be seen.
void PercpuHashMap::zero_other_slots(uint32_t element, uint32_t cpu) {
    for (uint32_t other = 0; other < cpu_slots_; ++other) {
        if (other != cpu) zero_words(value_of(element, other), stride_);
    }
}

void PercpuHashMap::read_slots(uint32_t element, uint8_t* to) const {
    for (uint32_t cpu = 0; cpu < cpu_slots_; ++cpu) {
        load_words(to + uint64_t{cpu} * stride_, value_of(element, cpu), stride_);
    }
}

int PercpuHashMap::put(const uint8_t* key, const SlotValues& values, uint64_t flags, Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    HashTable::Guard guard(*table_, key, side);
    if (!guard.locked()) return -EBUSY;
    if (guard.element() != kNoElement) {
        if (flags == vm::kUpdateNoExist) return -EEXIST;
        write_slots(guard.element(), values);
        return 0;
    }
    if (flags == vm::kUpdateExist) return -ENOENT;
    const uint32_t fresh = table_->take_element();
    if (fresh == kNoElement) {
        full_.add(1);
        return -E2BIG;
    }
    table_->write_key(fresh, key);
    write_slots(fresh, values);
    if (values.only_cpu != kAllCpus) zero_other_slots(fresh, values.only_cpu);
    guard.insert(fresh);
    return 0;
}

int PercpuHashMap::remove(const uint8_t* key, Side side) {
    return remove_key(*table_, key, side);
}

int PercpuHashMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    return read_value(*table_, key, [&](uint32_t element) { read_slots(element, value.data()); });
}

int PercpuHashMap::control_update(const uint8_t* key, std::span<const uint8_t> value,
                                  uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const bool each_slot_apart = value.size() == control_value_bytes();
    if (!each_slot_apart && value.size() != spec().value_bytes) return -EINVAL;
    const uint64_t step = each_slot_apart ? stride_ : 0;
    return put(key, {.base = value.data(), .step = step, .only_cpu = kAllCpus}, flags,
               Side::Control);
}

int PercpuHashMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return remove(key, Side::Control);
}

int PercpuHashMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return table_->next_key(key, next);
}

}  // namespace weir::maps
