#include "maps/array_map.h"

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/spec_check.h"
#include "maps/words.h"

namespace weir::maps {
namespace {

constexpr uint32_t kKeyBytes = 4;
constexpr uint32_t kLineBytes = 64;
constexpr uint32_t kInnerMap = 1u << 12;  ///< BPF_F_INNER_MAP: no meaning outside of a map of maps
constexpr uint32_t kFlagsAllowed = kMapNumaNode | vm::kMapMmapable | kInnerMap | kAccessFlags;
constexpr uint32_t kFlagsAllowedPercpu = kAccessFlags;

uint32_t index_of(const uint8_t* key) {
    uint32_t index;
    std::memcpy(&index, key, sizeof index);
    return index;
}

Result<void> check(const vm::MapSpec& spec) {
    const Result<void> common =
        check_common(spec, vm::is_percpu(spec.type) ? kFlagsAllowedPercpu : kFlagsAllowed);
    if (!common) return common;
    if (spec.key_bytes != kKeyBytes) {
        return refuse(spec, fmt::format("key size {} must be {}: an array's key is an index",
                                        spec.key_bytes, kKeyBytes));
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

Result<std::unique_ptr<vm::Map>> ArrayMap::create(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if (const Result<void> ok = check(spec); !ok) return std::unexpected(ok.error());
    const uint32_t slots = vm::is_percpu(spec.type) ? cpu_slots : 1;
    const uint64_t plane_bytes =
        round_up_to(round_up_to(spec.value_bytes, kWordBytes) * spec.entries_max, kLineBytes);
    Result<Region> memory = Region::take(plane_bytes * slots, spec.name);
    if (!memory) return std::unexpected(memory.error());
    auto map = std::unique_ptr<ArrayMap>(new ArrayMap(spec, slots, std::move(*memory)));
    if (!spec.contents.empty())
        store_words(map->element(0, 0), spec.contents.data(), spec.contents.size());
    return map;
}

ArrayMap::ArrayMap(const vm::MapSpec& spec, uint32_t slots, Region memory)
    : Map(spec),
      slots_(slots),
      stride_(static_cast<uint32_t>(round_up_to(spec.value_bytes, kWordBytes))),
      plane_bytes_(round_up_to(uint64_t{stride_} * spec.entries_max, kLineBytes)),
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
    if (flags > vm::kUpdateExist) return -EINVAL;
    if (index >= spec().entries_max) return -E2BIG;
    return (flags & vm::kUpdateNoExist) != 0 ? -EEXIST : 0;
}

int ArrayMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    const uint32_t index = index_of(key);
    if (const int error = update_error(index, flags); error != 0) return error;
    const uint32_t slot = vm::is_percpu(spec().type) ? cpu : 0;
    if (slot >= slots_) return -EINVAL;
    store_words(element(index, slot), value, spec().value_bytes);
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

int ArrayMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -ENOENT;
    for (uint32_t slot = 0; slot < slots_; ++slot) {
        load_words(value.data() + uint64_t{slot} * stride_, element(index, slot),
                   plain_value_bytes());
    }
    return 0;
}

int ArrayMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const bool each_slot_apart = value.size() == control_value_bytes();
    if (!each_slot_apart && value.size() != spec().value_bytes) return -EINVAL;
    const uint32_t index = index_of(key);
    if (const int error = update_error(index, flags); error != 0) return error;
    for (uint32_t slot = 0; slot < slots_; ++slot) {
        const uint8_t* from = value.data() + (each_slot_apart ? uint64_t{slot} * stride_ : 0);
        store_words(element(index, slot), from, spec().value_bytes);
    }
    return 0;
}

int ArrayMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return erase(key);
}

int ArrayMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    uint32_t index = 0;
    if (key != nullptr && index_of(key) < spec().entries_max) {
        index = index_of(key) + 1;
        if (index == spec().entries_max) return -ENOENT;
    }
    std::memcpy(next, &index, sizeof index);
    return 0;
}

}  // namespace weir::maps
