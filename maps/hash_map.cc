#include "maps/hash_map.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include "maps/spec_check.h"
#include "maps/words.h"
#include "vm/base/limits.h"

namespace weir::maps {

Result<void> check_hash_spec(const vm::MapSpec& spec, uint32_t flags_allowed) {
    const Result<void> common = check_common(spec, flags_allowed);
    if (!common) return common;
    if (spec.key_bytes == 0) return refuse(spec, "key size is 0, at least 1 byte is needed");
    if (spec.key_bytes > kMapKeyBytesMax) {
        return refuse(spec, fmt::format("key size {} exceeds {}", spec.key_bytes, kMapKeyBytesMax));
    }
    if (!spec.contents.empty())
        return refuse(spec, "first contents are for arrays of one element only");
    return {};
}

namespace {

constexpr uint32_t kFlagsAllowedPercpu = vm::kMapNoPrealloc | vm::kMapZeroSeed | kAccessFlags;
constexpr uint32_t kFlagsAllowed = kFlagsAllowedPercpu | kMapNumaNode;

int count_busy(ShardedCounter& busy) {
    busy.add(1);
    return -EBUSY;
}

/// `clear(element)` is called when the element has left and nobody else may use it.
template <typename Clear>
int remove_key(HashTable& table, const uint8_t* key, Side side, ShardedCounter& busy,
               const Clear& clear) {
    HashTable::Guard guard(table, key, side);
    if (!guard.locked()) return count_busy(busy);
    const uint32_t element = guard.element();
    if (element == kNoElement) return -ENOENT;
    guard.remove();
    clear(element);
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

Salvaged salvage_planes(const HashTable& table, const ValuePlanes& values, vm::Map& into) {
    Salvaged salvaged;
    Bytes value(uint64_t{values.planes()} * values.stride());
    const bool percpu = vm::is_percpu(into.spec().type);
    salvaged.torn += table.salvage([&](const uint8_t* key, uint32_t element) {
        values.read(element, value.data());
        const size_t bytes = percpu ? value.size() : into.spec().value_bytes;
        restore_element(into, key, std::span(value).first(bytes), vm::kUpdateNoExist, salvaged);
    });
    return salvaged;
}

// -- hash
// ---------------------------------------------------------------------------------------------

Result<std::unique_ptr<vm::Map>> HashMap::create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                 MapMemory& memory) {
    if (const Result<void> ok = check_hash_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    const auto payload = static_cast<uint32_t>(round_up_to(spec.value_bytes, kWordBytes));
    auto table = HashTable::create(shape_of(spec, payload, cpu_slots + 1, cpu_slots), memory);
    if (!table) return std::unexpected(table.error());
    return std::unique_ptr<vm::Map>(new HashMap(spec, std::move(*table), cpu_slots));
}

HashMap::HashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, uint32_t cpu_slots)
    : Map(spec), fields_(spec), table_(std::move(table)), spares_(cpu_slots + 1) {
    for (uint32_t i = 0; i <= cpu_slots; ++i) spares_[i].element = spec.entries_max + i;
}

uint8_t* HashMap::lookup(const uint8_t* key, uint32_t /*cpu*/) {
    const HashTable::Hit hit = table_->find(key);
    return hit ? table_->payload(hit.element) : nullptr;
}

vm::LookupFn HashMap::lookup_function() const {
    return with_key_bytes(spec().key_bytes, []<uint32_t kKeyBytes>() -> vm::LookupFn {
        return [](vm::Map& map, const uint8_t* key, uint32_t /*cpu*/) -> uint8_t* {
            return static_cast<HashMap&>(map).look_up<kKeyBytes>(key);
        };
    });
}

std::optional<vm::LookupSteps> HashMap::lookup_steps() const {
    return HashSteps::of<HashMap>(spec().key_bytes);
}

uint64_t HashMap::ask_element(uint64_t ticket, uint32_t /*cpu*/) const {
    const uint32_t element = table_->ask_element(ticket);
    return element == kNoElement ? vm::LookupSteps::kNoWait : vm::LookupSteps::kLast;
}

vm::LookupLayout HashMap::lookup_layout() const {
    vm::HashLayout layout = table_->layout();
    layout.values = table_->payload(0);
    layout.value_stride = layout.key_stride;
    return {layout};
}

void HashMap::lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                          uint32_t /*cpu*/) {
    std::array<uint32_t, kBurstPacketsMax> elements;
    table_->find_bulk(keys, count, elements.data());
    for (uint32_t i = 0; i < count; ++i)
        values[i] = elements[i] != kNoElement ? table_->payload(elements[i]) : nullptr;
}

int HashMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    if (cpu >= spares_.size() - 1) return -EINVAL;
    return put(spares_[cpu], key, value, flags, Side::Program);
}

int HashMap::put(Spare& spare, const uint8_t* key, const uint8_t* value, uint64_t flags,
                 Side side) {
    const uint64_t existence = flags & ~vm::kUpdateLock;
    const bool in_place = (flags & vm::kUpdateLock) != 0;
    if (existence > vm::kUpdateExist || (in_place && !fields_.has_lock())) return -EINVAL;
    const uint32_t fresh = spare.element;
    const auto write_fresh = [&] {
        table_->write_key(fresh, key);
        fields_.store(table_->payload(fresh), value);
        fields_.clear(table_->payload(fresh));
    };
    // Before the bucket's lock is taken, but where an element is usually there and stays in place.
    if (!in_place) write_fresh();

    HashTable::Guard guard(*table_, key, side);
    if (!guard.locked()) return count_busy(busy_);
    if (const uint32_t old = guard.element(); old != kNoElement) {
        if (existence == vm::kUpdateNoExist) return -EEXIST;
        if (in_place) {
            fields_.store_locked(table_->payload(old), value);
            return 0;
        }
        guard.replace(fresh);
        fields_.end_timer(table_->payload(old));
        spare.element = old;
        return 0;
    }
    if (existence == vm::kUpdateExist) return -ENOENT;
    const uint32_t next_spare = table_->take_element();
    if (next_spare == kNoElement) {
        full_.add(1);
        return -E2BIG;
    }
    if (in_place) write_fresh();
    guard.insert(fresh);
    spare.element = next_spare;
    return 0;
}

int HashMap::remove(const uint8_t* key, Side side) {
    return remove_key(*table_, key, side, busy_,
                      [&](uint32_t element) { fields_.end_timer(table_->payload(element)); });
}

int64_t HashMap::for_each(vm::ElementVisitor visit, void* opaque, uint32_t /*cpu*/) {
    return table_->for_each([&](const uint8_t* key, uint32_t element) {
        return visit(opaque, key, table_->payload(element));
    });
}

uint64_t HashMap::used_bytes() const {
    return table_->used_bytes();
}

bool HashMap::key_of(const uint8_t* value, uint8_t* key) const {
    const uint32_t element = table_->element_of(value);
    if (element == kNoElement) return false;
    table_->read_key(element, key);
    return true;
}

int HashMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    return read_value(*table_, key, [&](uint32_t element) {
        fields_.load(value.data(), table_->payload(element));
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

Salvaged HashMap::salvage(vm::Map& into) {
    Salvaged salvaged;
    Bytes value(spec().value_bytes);
    salvaged.torn += table_->salvage([&](const uint8_t* key, uint32_t element) {
        if (fields_.is_locked(table_->payload(element))) {
            ++salvaged.torn;
            return;
        }
        fields_.load(value.data(), table_->payload(element));
        restore_element(into, key, value, vm::kUpdateNoExist, salvaged);
    });
    return salvaged;
}

// -- percpu_hash
// --------------------------------------------------------------------------------------

Result<std::unique_ptr<vm::Map>> PercpuHashMap::create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                       MapMemory& memory) {
    if (const Result<void> ok = check_hash_spec(spec, kFlagsAllowedPercpu); !ok)
        return std::unexpected(ok.error());
    Result<ValuePlanes> values = ValuePlanes::take(spec, spec.entries_max, cpu_slots, memory);
    if (!values) return std::unexpected(values.error());
    HashTableShape shape = shape_of(spec, 0, 0, cpu_slots);
    shape.claims = cpu_slots;
    auto table = HashTable::create(shape, memory);
    if (!table) return std::unexpected(table.error());
    return std::unique_ptr<vm::Map>(new PercpuHashMap(spec, std::move(*table), std::move(*values)));
}

PercpuHashMap::PercpuHashMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table,
                             ValuePlanes values)
    : Map(spec), table_(std::move(table)), values_(std::move(values)) {}

uint8_t* PercpuHashMap::lookup(const uint8_t* key, uint32_t cpu) {
    if (cpu >= values_.planes()) return nullptr;
    const HashTable::Hit hit = table_->find(key);
    return hit ? values_.at(hit.element, cpu) : nullptr;
}

vm::LookupFn PercpuHashMap::lookup_function() const {
    return with_key_bytes(spec().key_bytes, []<uint32_t kKeyBytes>() -> vm::LookupFn {
        return [](vm::Map& map, const uint8_t* key, uint32_t cpu) -> uint8_t* {
            auto& self = static_cast<PercpuHashMap&>(map);
            if (cpu >= self.values_.planes()) return nullptr;
            HashTable::Found found;
            if (!self.table_->find_at_once<kKeyBytes>(key, found)) return self.lookup(key, cpu);
            if (found.element == kNoElement) return nullptr;
            return self.values_.at(found.element, cpu);
        };
    });
}

std::optional<vm::LookupSteps> PercpuHashMap::lookup_steps() const {
    return HashSteps::of<PercpuHashMap>(spec().key_bytes);
}

uint64_t PercpuHashMap::ask_element(uint64_t ticket, uint32_t cpu) const {
    const uint32_t element = table_->ask_element(ticket);
    if (element == kNoElement) return vm::LookupSteps::kNoWait;
    __builtin_prefetch(values_.at(element, cpu));
    return vm::LookupSteps::kLast;
}

vm::LookupLayout PercpuHashMap::lookup_layout() const {
    vm::HashLayout layout = table_->layout();
    values_.describe(layout);
    return {layout};
}

void PercpuHashMap::lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                                uint32_t cpu) {
    std::fill_n(values, count, nullptr);
    if (cpu >= values_.planes()) return;
    std::array<uint32_t, kBurstPacketsMax> elements;
    table_->find_bulk(keys, count, elements.data());
    for (uint32_t i = 0; i < count; ++i) {
        if (elements[i] == kNoElement) continue;
        values[i] = values_.at(elements[i], cpu);
        __builtin_prefetch(values[i]);  // it lies apart from its element, and is wanted next
    }
}

/// A present key changes in this cpu's slot only, which a claim is enough for.
int PercpuHashMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    if (cpu >= values_.planes()) return -EINVAL;
    if (flags > vm::kUpdateExist) return -EINVAL;
    const SlotValues slot = {.base = value, .step = 0, .only_cpu = cpu};
    const HashTable::Hit hit = flags != vm::kUpdateNoExist ? table_->find(key) : HashTable::Hit{};
    if (hit) {
        __builtin_prefetch(values_.at(hit.element, cpu), 1);  // while the claim waits for stores
        const HashTable::Claim claim(*table_, hit, cpu);
        if (claim.held()) {
            values_.write(hit.element, slot);
            return 0;
        }
    }
    return put(key, slot, flags, Side::Program);
}

uint64_t PercpuHashMap::used_bytes() const {
    return table_->used_bytes() + entries() * uint64_t{values_.planes()} * values_.stride();
}

int PercpuHashMap::put(const uint8_t* key, const SlotValues& values, uint64_t flags, Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    HashTable::Guard guard(*table_, key, side);
    if (!guard.locked()) return count_busy(busy_);
    if (guard.element() != kNoElement) {
        if (flags == vm::kUpdateNoExist) return -EEXIST;
        values_.write(guard.element(), values);
        return 0;
    }
    if (flags == vm::kUpdateExist) return -ENOENT;
    const uint32_t fresh = table_->take_element();
    if (fresh == kNoElement) {
        full_.add(1);
        return -E2BIG;
    }
    table_->write_key(fresh, key);
    values_.write_new(fresh, values);
    guard.insert(fresh);
    return 0;
}

int PercpuHashMap::remove(const uint8_t* key, Side side) {
    return remove_key(*table_, key, side, busy_, [](uint32_t) {});
}

int64_t PercpuHashMap::for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) {
    if (cpu >= values_.planes()) return -EINVAL;
    return table_->for_each([&](const uint8_t* key, uint32_t element) {
        return visit(opaque, key, values_.at(element, cpu));
    });
}

bool PercpuHashMap::key_of(const uint8_t* value, uint8_t* key) const {
    const auto place = values_.place_of(value);
    if (!place) return false;
    table_->read_key(place->element, key);
    return true;
}

int PercpuHashMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    return read_value(*table_, key, [&](uint32_t element) { values_.read(element, value.data()); });
}

int PercpuHashMap::control_update(const uint8_t* key, std::span<const uint8_t> value,
                                  uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const bool each_slot_apart = value.size() == control_value_bytes();
    if (!each_slot_apart && value.size() != spec().value_bytes) return -EINVAL;
    const uint64_t step = each_slot_apart ? values_.stride() : 0;
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

Salvaged PercpuHashMap::salvage(vm::Map& into) {
    return salvage_planes(*table_, values_, into);
}

}  // namespace weir::maps
