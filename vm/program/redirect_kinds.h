#pragma once
// Kinds of maps by which bpf_redirect_map sends packets, and its flags.

#include <cstdint>

#include "vm/program/spec.h"

namespace weir::vm {

constexpr bool has_devices(MapType type) {
    return type == MapType::Devmap || type == MapType::DevmapHash;
}

/// Entries are numbers of devices or workers, with a program behind each or none.
constexpr bool has_targets(MapType type) {
    return has_devices(type) || type == MapType::Cpumap;
}

// For maps of devices only.
constexpr uint64_t kBroadcast = 1u << 3;       ///< BPF_F_BROADCAST: to every entry
constexpr uint64_t kExcludeIngress = 1u << 4;  ///< BPF_F_EXCLUDE_INGRESS: but to whence it came

}  // namespace weir::vm
