#include "maps/spec_check.h"

#include <bit>
#include <cerrno>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/region.h"
#include "vm/base/limits.h"

namespace weir::maps {

std::unexpected<Error> refuse(const vm::MapSpec& spec, std::string_view what) {
    return fail(ErrorKind::kInvalid,
                fmt::format("map {} ({}): {}", spec.name, vm::map_type_name(spec.type), what));
}

Result<void> check_flags(const vm::MapSpec& spec, uint32_t flags_allowed) {
    const uint32_t unknown = spec.flags & ~flags_allowed;
    if (unknown != 0) {
        return refuse(
            spec, fmt::format("flags {:#x} are not allowed for this kind, only those in {:#x} are",
                              unknown, flags_allowed));
    }
    if (spec.extra != 0 && spec.type != vm::MapType::BloomFilter)
        return refuse(spec, fmt::format("map_extra is {}, it must be 0", spec.extra));
    if (spec.inner != nullptr && !vm::is_map_in_map(spec.type))
        return refuse(spec, "only maps of maps have an inner map");
    const auto both = [&](uint32_t pair) { return (spec.flags & pair) == pair; };
    if (both(vm::kMapRdonly | vm::kMapWronly) || both(vm::kMapRdonlyProg | vm::kMapWronlyProg)) {
        return refuse(spec,
                      fmt::format("flags {:#x} say both read-only and write-only", spec.flags));
    }
    return {};
}

Result<void> check_common(const vm::MapSpec& spec, uint32_t flags_allowed) {
    if (spec.entries_max == 0) return refuse(spec, "max_entries is 0, at least 1 is needed");
    if (spec.value_bytes == 0) return refuse(spec, "value size is 0, at least 1 byte is needed");
    if (spec.value_bytes > vm::value_bytes_max(spec)) {
        return refuse(spec, fmt::format("value size {} exceeds {}", spec.value_bytes,
                                        vm::value_bytes_max(spec)));
    }
    if (vm::is_percpu(spec.type) && spec.value_bytes > kPercpuValueBytesMax) {
        return refuse(spec, fmt::format("value size {} exceeds {} per CPU", spec.value_bytes,
                                        kPercpuValueBytesMax));
    }
    return check_flags(spec, flags_allowed);
}

Result<void> check_fd_array_spec(const vm::MapSpec& spec, uint32_t flags_allowed) {
    const Result<void> common = check_common(spec, flags_allowed);
    if (!common) return common;
    if (spec.key_bytes != kIndexKeyBytes) {
        return refuse(spec, fmt::format("key size {} must be {}: the key is an index",
                                        spec.key_bytes, kIndexKeyBytes));
    }
    if (spec.value_bytes != kFdBytes)
        return refuse(spec, fmt::format("value size {} must be {}", spec.value_bytes, kFdBytes));
    return {};
}

Result<void> check_keyless_spec(const vm::MapSpec& spec, uint32_t flags_allowed) {
    if (spec.key_bytes != 0)
        return refuse(spec, fmt::format("key size {} must be 0: it has no keys", spec.key_bytes));
    return check_common(spec, flags_allowed);
}

Result<void> check_ring_spec(const vm::MapSpec& spec) {
    if (spec.key_bytes != 0 || spec.value_bytes != 0) {
        return refuse(spec, fmt::format("key size {} and value size {} must be 0", spec.key_bytes,
                                        spec.value_bytes));
    }
    if (const Result<void> ok = check_flags(spec, kMapNumaNode); !ok) return ok;
    if (std::has_single_bit(spec.entries_max) && spec.entries_max % kPageBytes == 0) return {};
    return refuse(spec, fmt::format("max_entries {} must be a power of two and a multiple of {}: "
                                    "it is the size in bytes",
                                    spec.entries_max, kPageBytes));
}

int control_read_error(const vm::MapSpec& spec) {
    return (spec.flags & vm::kMapWronly) != 0 ? -EPERM : 0;
}

int control_write_error(const vm::MapSpec& spec) {
    return spec.frozen || (spec.flags & vm::kMapRdonly) != 0 ? -EPERM : 0;
}

}  // namespace weir::maps
