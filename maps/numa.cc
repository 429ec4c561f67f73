#include "maps/numa.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/core.h>

namespace weir::maps {
namespace {

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

}  // namespace

std::vector<uint32_t> nodes_of(std::span<const uint32_t> cpus, const std::string& sysfs) {
    std::vector<uint32_t> all, used;
    for (uint32_t node = 0; node < kNumaNodesMax; ++node)
        if (exists(fmt::format("{}/devices/system/node/node{}", sysfs, node))) all.push_back(node);
    if (all.size() < 2) return {};
    for (const uint32_t node : all) {
        const bool is_used = std::ranges::any_of(cpus, [&](uint32_t cpu) {
            return exists(fmt::format("{}/devices/system/node/node{}/cpu{}", sysfs, node, cpu));
        });
        if (is_used) used.push_back(node);
    }
    return used;
}

void prefer_nodes(void* base, uint64_t bytes, std::span<const uint32_t> nodes) {
    uint64_t mask = 0;
    for (const uint32_t node : nodes)
        if (node < kNumaNodesMax) mask |= uint64_t{1} << node;
    if (mask == 0) return;
    const int mode = nodes.size() == 1 ? MPOL_PREFERRED : MPOL_INTERLEAVE;
    // By number: the C library has no wrapper, and libnuma would be a dependency for one call. The
    // kernel counts the mask's bits and one more.
    syscall(SYS_mbind, base, bytes, mode, &mask, kNumaNodesMax + 1, 0);
}

}  // namespace weir::maps
