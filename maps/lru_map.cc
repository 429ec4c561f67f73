#include "maps/lru_map.h"

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kNoCommonLru = 1u << 1;  ///< BPF_F_NO_COMMON_LRU
constexpr uint32_t kFlagsAllowedPercpu = kNoCommonLru | vm::kMapZeroSeed | kAccessFlags;
constexpr uint32_t kFlagsAllowed = kFlagsAllowedPercpu | kMapNumaNode;
/// Whose lists the control side uses: those of the first cpu.
constexpr uint32_t kControlCpu = 0;

/// Elements of a map: with lists per cpu every cpu has the same share, at least one
/// (htab_map_alloc).
uint32_t capacity_of(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if ((spec.flags & kNoCommonLru) == 0) return spec.entries_max;
    const uint64_t up = round_up_to(spec.entries_max, cpu_slots);
    return static_cast<uint32_t>(up <= UINT32_MAX ? up : up - cpu_slots);
}

/// Releases at the end of the scope.
struct Turn {
    SpinLock& lock;
    ~Turn() { lock.release(); }
};

int existence_error(bool present, uint64_t flags) {
    if (present && flags == vm::kUpdateNoExist) return -EEXIST;
    return !present && flags == vm::kUpdateExist ? -ENOENT : 0;
}

}  // namespace

Result<std::unique_ptr<vm::Map>> LruMap::create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                MapMemory& memory) {
    const bool percpu = vm::is_percpu(spec.type);
    const Result<void> ok = check_hash_spec(spec, percpu ? kFlagsAllowedPercpu : kFlagsAllowed);
    if (!ok) return std::unexpected(ok.error());
    const uint32_t capacity = capacity_of(spec, cpu_slots);
    auto table = HashTable::create({.key_bytes = spec.key_bytes,
                                    .payload_bytes = 0,
                                    .entries_max = capacity,
                                    .spare_elements = 0,
                                    .threads = 1,
                                    .zero_seed = (spec.flags & vm::kMapZeroSeed) != 0},
                                   memory);
    if (!table) return std::unexpected(table.error());
    Result<ValuePlanes> values = ValuePlanes::take(spec, capacity, percpu ? cpu_slots : 1, memory);
    if (!values) return std::unexpected(values.error());
    const bool common = (spec.flags & kNoCommonLru) == 0;
    Result<LruLists> lists = LruLists::create(capacity, cpu_slots, common, memory);
    if (!lists) return std::unexpected(lists.error());
    return std::unique_ptr<vm::Map>(
        new LruMap(spec, std::move(*table), std::move(*values), std::move(*lists)));
}

LruMap::LruMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, ValuePlanes values,
               LruLists lists)
    : Map(spec), table_(std::move(table)), values_(std::move(values)), lists_(std::move(lists)) {}

uint8_t* LruMap::lookup(const uint8_t* key, uint32_t cpu) {
    const uint32_t plane = is_percpu() ? cpu : 0;
    if (plane >= values_.planes()) return nullptr;
    const HashTable::Hit hit = table_->find(key);
    if (!hit) return nullptr;
    lists_.mark(hit.element);
    return values_.at(hit.element, plane);
}

int LruMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    if (cpu >= lists_.cpus()) return -EINVAL;
    const uint32_t only_cpu = is_percpu() ? cpu : kAllCpus;
    return put(key, {.base = value, .step = 0, .only_cpu = only_cpu}, flags, cpu, Side::Program);
}

int LruMap::put(const uint8_t* key, const SlotValues& values, uint64_t flags, uint32_t cpu,
                Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    if (!lock_.acquire(side)) return -EBUSY;
    const Turn turn{lock_};
    return is_percpu() ? put_in_place(key, values, flags, cpu)
                       : put_replacing(key, values, flags, cpu);
}

bool LruMap::evict(uint32_t element) {
    if (!table_->remove_element(element)) return false;
    values_.clear_fields(element);
    return true;
}

/// htab_lru_map_update_elem.
int LruMap::put_replacing(const uint8_t* key, const SlotValues& values, uint64_t flags,
                          uint32_t cpu) {
    const uint32_t fresh = lists_.take(cpu, *this);
    if (fresh == kNoElement) {
        full_.add(1);
        return -ENOMEM;
    }
    table_->write_key(fresh, key);
    values_.write_new(fresh, values);
    HashTable::Guard guard(*table_, key, Side::Control);
    const uint32_t old = guard.element();
    const bool present = old != kNoElement;
    if (const int error = existence_error(present, flags); error != 0) {
        lists_.give_back(fresh);
        return error;
    }
    if (!present) {
        guard.insert(fresh);
        return 0;
    }
    guard.replace(fresh);
    lists_.mark(fresh);
    values_.clear_fields(old);
    lists_.give_back(old);
    return 0;
}

/// __htab_lru_percpu_map_update_elem.
int LruMap::put_in_place(const uint8_t* key, const SlotValues& values, uint64_t flags,
                         uint32_t cpu) {
    uint32_t fresh = kNoElement;
    if (flags != vm::kUpdateExist) {
        fresh = lists_.take(cpu, *this);
        if (fresh == kNoElement) {
            full_.add(1);
            return -ENOMEM;
        }
    }
    HashTable::Guard guard(*table_, key, Side::Control);
    const uint32_t old = guard.element();
    int error = existence_error(old != kNoElement, flags);
    if (error == 0 && old == kNoElement) {
        table_->write_key(fresh, key);
        values_.write_new(fresh, values);
        guard.insert(fresh);
        return 0;
    }
    if (error == 0) {
        lists_.mark(old);
        values_.write(old, values);
    }
    if (fresh != kNoElement) lists_.give_back(fresh);
    return error;
}

int LruMap::remove(const uint8_t* key, Side side) {
    if (!lock_.acquire(side)) return -EBUSY;
    const Turn turn{lock_};
    HashTable::Guard guard(*table_, key, Side::Control);
    const uint32_t element = guard.element();
    if (element == kNoElement) return -ENOENT;
    guard.remove();
    values_.clear_fields(element);
    lists_.give_back(element);
    return 0;
}

int64_t LruMap::for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) {
    const uint32_t plane = is_percpu() ? cpu : 0;
    if (plane >= values_.planes()) return -EINVAL;
    return table_->for_each([&](const uint8_t* key, uint32_t element) {
        return visit(opaque, key, values_.at(element, plane));
    });
}

bool LruMap::key_of(const uint8_t* value, uint8_t* key) const {
    const auto place = values_.place_of(value);
    if (!place) return false;
    table_->read_key(place->element, key);
    return true;
}

int LruMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    return read_value(*table_, key, [&](uint32_t element) { values_.read(element, value.data()); });
}

int LruMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const bool each_slot_apart = value.size() == control_value_bytes();
    if (!each_slot_apart && value.size() != spec().value_bytes) return -EINVAL;
    const uint64_t step = each_slot_apart ? values_.stride() : 0;
    return put(key, {.base = value.data(), .step = step, .only_cpu = kAllCpus}, flags, kControlCpu,
               Side::Control);
}

int LruMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return remove(key, Side::Control);
}

int LruMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return table_->next_key(key, next);
}

}  // namespace weir::maps
