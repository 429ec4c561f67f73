#pragma once
// NUMA: a map's memory belongs near the cores that work with it.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weir::maps {

constexpr uint32_t kNumaNodesMax = 64;

/// The nodes that `cpus` belong to, each once, in order. Empty where the machine has one node, or
/// says nothing. `sysfs`: what is /sys on a machine.
std::vector<uint32_t> nodes_of(std::span<const uint32_t> cpus, const std::string& sysfs = "/sys");

/// Pages of [base, base + bytes) that are not there yet come from the only node of `nodes`, or from
/// all of them in turn; from others where these have none left. Empty: as the kernel likes. Advice:
/// a kernel without NUMA ignores it.
void prefer_nodes(void* base, uint64_t bytes, std::span<const uint32_t> nodes);

}  // namespace weir::maps
