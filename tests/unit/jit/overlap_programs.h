#pragma once
// Programs each of which has in it something that a wrong order of packets would show.

#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "vm/program/spec.h"

namespace weir::tests {

/// Maps of all programs, by the index that they are loaded with.
constexpr int kHash = 0, kLru = 1, kLpm = 2, kCounters = 3, kPercpuHash = 4, kOther = 5;
std::vector<vm::MapSpec> world_maps();

struct Program {
    const char* name;
    std::string text;
    bool overlaps = true;
};

inline void PrintTo(const Program& program, std::ostream* out) {
    *out << program.name;
}

/// They read the first four bytes of the packet as their key, and want 64 bytes of it.
std::span<const Program> overlap_programs();

}  // namespace weir::tests
