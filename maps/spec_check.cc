#include "maps/spec_check.h"

#include <cerrno>

#include <fmt/core.h>

#include "vm/base/limits.h"

namespace weir::maps {

std::unexpected<Error> refuse(const vm::MapSpec& spec, std::string_view what) {
    return fail(ErrorKind::kInvalid,
                fmt::format("map {} ({}): {}", spec.name, vm::map_type_name(spec.type), what));
}

Result<void> check_common(const vm::MapSpec& spec, uint32_t flags_allowed) {
    if (spec.entries_max == 0) return refuse(spec, "max_entries is 0, at least 1 is needed");
    if (spec.value_bytes == 0) return refuse(spec, "value size is 0, at least 1 byte is needed");
    if (spec.value_bytes > kMapValueBytesMax) {
        return refuse(spec,
                      fmt::format("value size {} exceeds {}", spec.value_bytes, kMapValueBytesMax));
    }
    if (vm::is_percpu(spec.type) && spec.value_bytes > kPercpuValueBytesMax) {
        return refuse(spec, fmt::format("value size {} exceeds {} per CPU", spec.value_bytes,
                                        kPercpuValueBytesMax));
    }
    const uint32_t unknown = spec.flags & ~flags_allowed;
    if (unknown != 0) {
        return refuse(
            spec, fmt::format("flags {:#x} are not allowed for this kind, only those in {:#x} are",
                              unknown, flags_allowed));
    }
    const auto both = [&](uint32_t pair) { return (spec.flags & pair) == pair; };
    if (both(vm::kMapRdonly | vm::kMapWronly) || both(vm::kMapRdonlyProg | vm::kMapWronlyProg)) {
        return refuse(spec,
                      fmt::format("flags {:#x} say both read-only and write-only", spec.flags));
    }
    return {};
}

int control_read_error(const vm::MapSpec& spec) {
    return (spec.flags & vm::kMapWronly) != 0 ? -EPERM : 0;
}

int control_write_error(const vm::MapSpec& spec) {
    return spec.frozen || (spec.flags & vm::kMapRdonly) != 0 ? -EPERM : 0;
}

}  // namespace weir::maps
