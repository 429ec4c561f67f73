#include "maps/devmap.h"

#include <cerrno>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = kMapNumaNode | vm::kMapRdonly | vm::kMapWronly;
constexpr uint32_t kHashEntriesMax = 1u << 31;

const uint8_t* bytes_of_key(const uint32_t& key) {
    return reinterpret_cast<const uint8_t*>(&key);
}

}  // namespace

// -- devmap

Result<std::unique_ptr<vm::Map>> Devmap::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_target_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    Result<TargetSlots> targets = TargetSlots::take(spec.entries_max, spec.name);
    if (!targets) return std::unexpected(targets.error());
    return std::unique_ptr<vm::Map>(new Devmap(spec, std::move(*targets)));
}

/// Entries that are set, in the order of indices: what a broadcast reaches.
int64_t Devmap::for_each(vm::ElementVisitor visit, void* opaque, uint32_t /*cpu*/) {
    int64_t calls = 0;
    for (uint32_t index = 0; index < spec().entries_max; ++index) {
        uint8_t* const value = targets_.value(index);
        if (value == nullptr) continue;
        ++calls;
        if (visit(opaque, bytes_of_key(index), value) != 0) break;
    }
    return calls;
}

int Devmap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes || flags > vm::kUpdateExist) return -EINVAL;
    const uint32_t slot = slot_of(index_of(key));
    if (slot == kNoElement) return -E2BIG;
    if (flags == vm::kUpdateNoExist) return -EEXIST;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    return set(slot, Target::from(value.data(), value.size()));
}

// -- devmap_hash

Result<std::unique_ptr<vm::Map>> DevmapHash::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_target_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    if (spec.entries_max > kHashEntriesMax) {
        return refuse(spec,
                      fmt::format("max_entries {} exceeds {}", spec.entries_max, kHashEntriesMax));
    }
    Result<TargetSlots> targets = TargetSlots::take(spec.entries_max, spec.name);
    if (!targets) return std::unexpected(targets.error());
    auto table = HashTable::create({.key_bytes = kIndexKeyBytes,
                                    .payload_bytes = 0,
                                    .entries_max = spec.entries_max,
                                    .spare_elements = 0,
                                    .threads = 1,
                                    .zero_seed = false},
                                   spec.name);
    if (!table) return std::unexpected(table.error());
    return std::unique_ptr<vm::Map>(new DevmapHash(spec, std::move(*targets), std::move(*table)));
}

uint32_t DevmapHash::slot_of(uint32_t key) const {
    return table_->find(bytes_of_key(key)).element;
}

int64_t DevmapHash::for_each(vm::ElementVisitor visit, void* opaque, uint32_t /*cpu*/) {
    return table_->for_each([&](const uint8_t* key, uint32_t element) {
        uint8_t* const value = targets_.value(element);
        return value != nullptr ? visit(opaque, key, value) : 0;
    });
}

/// __dev_map_hash_update_elem: BPF_EXIST does not ask for an entry.
int DevmapHash::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes || flags > vm::kUpdateExist) return -EINVAL;
    const Target target = Target::from(value.data(), value.size());
    if (target.number == 0) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const uint32_t present = table_->find(key).element;
    if (present == kNoElement) return insert(key, target);
    return flags == vm::kUpdateNoExist ? -EEXIST : set(present, target);
}

int DevmapHash::insert(const uint8_t* key, const Target& target) {
    if (target.program_id != 0) return -EINVAL;
    const uint32_t fresh = table_->take_element();
    if (fresh == kNoElement) {
        full_.add(1);
        return -E2BIG;
    }
    table_->write_key(fresh, key);
    targets_.set(fresh, target, nullptr);
    HashTable::Guard(*table_, key, Side::Control).insert(fresh);
    return 0;
}

int DevmapHash::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    HashTable::Guard guard(*table_, key, Side::Control);
    const uint32_t element = guard.element();
    if (element == kNoElement) return -ENOENT;
    guard.remove();
    targets_.set(element, {}, nullptr);
    table_->give_back_element(element);
    return 0;
}

int DevmapHash::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return table_->next_key(key, next);
}

}  // namespace weir::maps
