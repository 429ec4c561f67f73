#include "maps/array_map.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/spec_check.h"
#include "maps/words.h"

namespace weir::maps {
namespace {

constexpr uint32_t kLineBytes = 64;
constexpr uint32_t kFlagsAllowed = kMapNumaNode | vm::kMapMmapable | kMapInnerMap | kAccessFlags;
constexpr uint32_t kFlagsAllowedPercpu = kAccessFlags;

Result<void> check(const vm::MapSpec& spec) {
    const Result<void> common =
        check_common(spec, vm::is_percpu(spec.type) ? kFlagsAllowedPercpu : kFlagsAllowed);
    if (!common) return common;
    if (spec.key_bytes != kIndexKeyBytes) {
        return refuse(spec, fmt::format("key size {} must be {}: an array's key is an index",
                                        spec.key_bytes, kIndexKeyBytes));
    }
    if (spec.contents.empty()) return {};
    if (spec.entries_max != 1 || vm::is_percpu(spec.type)) {
        return refuse(spec, "first contents are for arrays of one element only");
    }
    if (spec.contents.size() != spec.value_bytes) {
        return refuse(spec, fmt::format("first contents have {} bytes, the value has {}",
                                        spec.contents.size(), spec.value_bytes));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<vm::Map>> ArrayMap::create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                  MapMemory& memory) {
    if (const Result<void> ok = check(spec); !ok) return std::unexpected(ok.error());
    const uint32_t slots = vm::is_percpu(spec.type) ? cpu_slots : 1;
    const uint64_t plane_bytes =
        round_up_to(round_up_to(spec.value_bytes, kWordBytes) * spec.entries_max, kLineBytes);
    Result<Region> region = memory.take(plane_bytes * slots);
    if (!region) return std::unexpected(region.error());
    auto map = std::unique_ptr<ArrayMap>(new ArrayMap(spec, slots, std::move(*region)));
    if (!spec.contents.empty()) {
        store_words(map->element(0, 0), spec.contents.data(), spec.contents.size());
        map->fields_.clear(map->element(0, 0));  // a lock that is held by nobody has no end
    }
    return map;
}

ArrayMap::ArrayMap(const vm::MapSpec& spec, uint32_t slots, Region memory)
    : Map(spec),
      slots_(slots),
      stride_(static_cast<uint32_t>(round_up_to(spec.value_bytes, kWordBytes))),
      plane_bytes_(round_up_to(uint64_t{stride_} * spec.entries_max, kLineBytes)),
      fields_(spec),
      memory_(std::move(memory)) {}

uint8_t* ArrayMap::element(uint32_t index, uint32_t slot) const {
    return memory_.data() + slot * plane_bytes_ + uint64_t{index} * stride_;
}

uint8_t* ArrayMap::lookup(const uint8_t* key, uint32_t cpu) {
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return nullptr;
    if (!vm::is_percpu(spec().type)) return element(index, 0);
    return cpu < slots_ ? element(index, cpu) : nullptr;
}

/// In the order of array_map_update_elem and bpf_percpu_array_update.
int ArrayMap::update_error(uint32_t index, uint64_t flags) const {
    if ((flags & ~vm::kUpdateLock) > vm::kUpdateExist) return -EINVAL;
    if (index >= spec().entries_max) return -E2BIG;
    if ((flags & vm::kUpdateNoExist) != 0) return -EEXIST;
    return (flags & vm::kUpdateLock) != 0 && !fields_.has_lock() ? -EINVAL : 0;
}

/// An update ends the timer in the value, as in the kernel.
void ArrayMap::write(uint8_t* element, const uint8_t* value, uint64_t flags) {
    if ((flags & vm::kUpdateLock) != 0) {
        fields_.store_locked(element, value);
    } else {
        fields_.store(element, value);
    }
    fields_.end_timer(element);
}

int ArrayMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    const uint32_t index = index_of(key);
    if (const int error = update_error(index, flags); error != 0) return error;
    const uint32_t slot = vm::is_percpu(spec().type) ? cpu : 0;
    if (slot >= slots_) return -EINVAL;
    write(element(index, slot), value, flags);
    return 0;
}

int ArrayMap::erase(const uint8_t* /*key*/) {
    return -EINVAL;
}

uint8_t* ArrayMap::direct_value() {
    return spec().type == vm::MapType::Array && spec().entries_max == 1 ? element(0, 0) : nullptr;
}

std::optional<vm::ArrayLayout> ArrayMap::array_layout() const {
    return vm::ArrayLayout{memory_.data(), spec().entries_max, stride_, slots_, plane_bytes_};
}

/// All slots, one after the other.
void ArrayMap::read(uint32_t index, uint8_t* to) const {
    for (uint32_t slot = 0; slot < slots_; ++slot, to += stride_) {
        fields_.load(to, element(index, slot));
        std::memset(to + spec().value_bytes, 0, plain_value_bytes() - spec().value_bytes);
    }
}

int ArrayMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -ENOENT;
    read(index, value.data());
    return 0;
}

int ArrayMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const bool each_slot_apart = value.size() == control_value_bytes();
    if (!each_slot_apart && value.size() != spec().value_bytes) return -EINVAL;
    // From the control side this comes before everything else.
    if ((flags & vm::kUpdateLock) != 0 && !fields_.has_lock()) return -EINVAL;
    const uint32_t index = index_of(key);
    if (const int error = update_error(index, flags); error != 0) return error;
    for (uint32_t slot = 0; slot < slots_; ++slot) {
        const uint8_t* from = value.data() + (each_slot_apart ? uint64_t{slot} * stride_ : 0);
        write(element(index, slot), from, flags);
    }
    return 0;
}

int ArrayMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return erase(key);
}

int ArrayMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

int64_t ArrayMap::for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) {
    const uint32_t slot = vm::is_percpu(spec().type) ? cpu : 0;
    if (slot >= slots_) return -EINVAL;
    for (uint32_t index = 0; index < spec().entries_max; ++index) {
        uint8_t key[kIndexKeyBytes];
        std::memcpy(key, &index, sizeof key);
        if (visit(opaque, key, element(index, slot)) != 0) return index + 1;
    }
    return spec().entries_max;
}

Salvaged ArrayMap::salvage(vm::Map& into) {
    Salvaged salvaged;
    Bytes value(control_value_bytes());
    for (uint32_t index = 0; index < spec().entries_max; ++index) {
        if (fields_.is_locked(element(index, 0))) {
            ++salvaged.torn;
            continue;
        }
        const uint8_t* const key = reinterpret_cast<const uint8_t*>(&index);
        read(index, value.data());
        // The fresh map is all zeroes.
        if (std::ranges::any_of(value, [](uint8_t byte) { return byte != 0; }))
            restore_element(into, key, value, vm::kUpdateAny, salvaged);
        else
            ++salvaged.kept;
    }
    return salvaged;
}

bool ArrayMap::key_of(const uint8_t* value, uint8_t* key) const {
    if (value < memory_.data() || value >= memory_.data() + plane_bytes_ * slots_) return false;
    const uint64_t offset = static_cast<uint64_t>(value - memory_.data()) % plane_bytes_;
    const auto index = static_cast<uint32_t>(offset / stride_);
    if (offset % stride_ != 0 || index >= spec().entries_max) return false;
    std::memcpy(key, &index, sizeof index);
    return true;
}

}  // namespace weir::maps
