#pragma once
// The parts of the kernel's map_alloc_check functions that kinds share, with messages for people.

#include <cstdint>
#include <string_view>

#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::maps {

constexpr uint32_t kMapNumaNode =
    1u << 2;  ///< BPF_F_NUMA_NODE: taken as a hint, memory is local to whoever creates
/// BPF_F_INNER_MAP: an array whose size does not count where it is put into a map of maps.
constexpr uint32_t kMapInnerMap = 1u << 12;
/// BPF_F_ACCESS_MASK.
constexpr uint32_t kAccessFlags =
    vm::kMapRdonly | vm::kMapWronly | vm::kMapRdonlyProg | vm::kMapWronlyProg;
constexpr uint32_t kFdBytes = 4;  ///< of a value that stands for a map, program or socket
constexpr uint32_t kPercpuValueBytesMax =
    32768;  ///< PCPU_MIN_UNIT_SIZE of the kernel's per-CPU allocator

/// "map NAME (hash): " put in front of `what`, as an error of kind kInvalid.
std::unexpected<Error> refuse(const vm::MapSpec& spec, std::string_view what);

/// Flags within `allowed` and not contradictory; no map_extra and no inner map but for the kinds
/// that have one.
Result<void> check_flags(const vm::MapSpec& spec, uint32_t flags_allowed);
/// Besides: max_entries and value size at least 1, value size within bounds.
Result<void> check_common(const vm::MapSpec& spec, uint32_t flags_allowed);

/// For arrays of what the kernel knows by file descriptor: keys and values of 4 bytes besides.
Result<void> check_fd_array_spec(const vm::MapSpec& spec, uint32_t flags_allowed);
/// For kinds without keys: a key size of 0, besides.
Result<void> check_keyless_spec(const vm::MapSpec& spec, uint32_t flags_allowed);
/// For rings: keys and values of 0 bytes, and entries_max is the size in bytes, a power of two and
/// a multiple of the page size.
Result<void> check_ring_spec(const vm::MapSpec& spec);

/// What the syscall side gives for a map created with BPF_F_WRONLY (reading), BPF_F_RDONLY or
/// frozen (writing): 0 or -EPERM.
int control_read_error(const vm::MapSpec& spec);
int control_write_error(const vm::MapSpec& spec);

}  // namespace weir::maps
