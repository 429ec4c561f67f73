#include "maps/prog_array.h"

#include <cerrno>
#include <cstring>

#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = kMapNumaNode | vm::kMapRdonly | vm::kMapWronly;

}  // namespace

Result<std::unique_ptr<vm::Map>> ProgArray::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_fd_array_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    auto slots = BoundSlots<const vm::Runnable>::take(spec.entries_max, spec.name);
    if (!slots) return std::unexpected(slots.error());
    return std::unique_ptr<vm::Map>(new ProgArray(spec, std::move(*slots)));
}

uint8_t* ProgArray::lookup(const uint8_t*, uint32_t) {
    return nullptr;
}
int ProgArray::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EOPNOTSUPP;
}
int ProgArray::erase(const uint8_t*) {
    return -EOPNOTSUPP;
}

const vm::Runnable* ProgArray::program_at(uint32_t index) const {
    return index < spec().entries_max ? slots_.get(index) : nullptr;
}

vm::LookupLayout ProgArray::lookup_layout() const {
    return {vm::ProgramSlots{slots_.data(), spec().entries_max, slots_.stride_bytes()}};
}

int ProgArray::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < kFdBytes) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    if (program_at(index_of(key)) == nullptr) return -ENOENT;
    const uint32_t id = slots_.id(index_of(key));
    std::memcpy(value.data(), &id, sizeof id);
    return 0;
}

int ProgArray::control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) {
    const int error = control_write_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}

/// fd_array_map_delete_elem.
int ProgArray::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    if (slots_.get(index) == nullptr) return -ENOENT;
    slots_.set(index, nullptr, 0);
    return 0;
}

int ProgArray::bind_program(const uint8_t* key, const vm::Runnable* program, uint32_t id) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    slots_.set(index, program, id);
    return 0;
}

int ProgArray::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

}  // namespace weir::maps
