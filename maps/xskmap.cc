#include "maps/xskmap.h"

#include <bit>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = kMapNumaNode | vm::kMapRdonly | vm::kMapWronly;

}  // namespace

Result<std::unique_ptr<vm::Map>> Xskmap::create(const vm::MapSpec& spec) {
    if (const Result<void> ok = check_fd_array_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    Result<Region> memory =
        Region::take(uint64_t{spec.entries_max} * sizeof(std::atomic<uint64_t>), spec.name);
    if (!memory) return std::unexpected(memory.error());
    return std::unique_ptr<vm::Map>(new Xskmap(spec, std::move(*memory)));
}

uint8_t* Xskmap::lookup(const uint8_t* key, uint32_t) {
    static_assert(std::endian::native == std::endian::little);  // the number comes first
    return has_target(index_of(key)) ? reinterpret_cast<uint8_t*>(&slot(index_of(key))) : nullptr;
}
int Xskmap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EINVAL;
}
int Xskmap::erase(const uint8_t*) {
    return -EINVAL;
}

std::optional<uint32_t> Xskmap::socket_at(uint32_t key) const {
    if (key >= spec().entries_max) return std::nullopt;
    const uint64_t found = slot(key).load(std::memory_order_acquire);
    return found != 0 ? std::optional(static_cast<uint32_t>(found)) : std::nullopt;
}

int Xskmap::control_lookup(const uint8_t*, std::span<uint8_t>) {
    const int error = control_read_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}

void Xskmap::set(uint32_t index, uint64_t socket) {
    filled_.change(has_target(index), socket != 0);
    slot(index).store(socket, std::memory_order_release);
}

/// In the order of xsk_map_update_elem.
int Xskmap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes || flags > vm::kUpdateExist) return -EINVAL;
    const uint32_t index = index_of(key);
    if (index >= spec().entries_max) return -E2BIG;
    uint32_t socket = 0;
    std::memcpy(&socket, value.data(), sizeof socket);
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    const std::optional<uint32_t> old = socket_at(index);
    if (old == socket) return 0;
    if (old && flags == vm::kUpdateNoExist) return -EEXIST;
    if (!old && flags == vm::kUpdateExist) return -ENOENT;
    set(index, kPresent | socket);
    return 0;
}

int Xskmap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (index_of(key) >= spec().entries_max) return -EINVAL;
    const std::lock_guard<std::mutex> one_at_a_time(control_);
    set(index_of(key), 0);
    return 0;
}

int Xskmap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return next_index(key, next, spec().entries_max);
}

}  // namespace weir::maps
