#pragma once
// Random classic programs that keep the rules, beside those that libpcap writes.

#include <cstdint>
#include <vector>

#include "vm/cbpf/insn.h"

namespace weir::tests {

constexpr uint64_t kManyPathsEach = 8;

/// One program per seed, the same in every run: every instruction, jumps of all lengths, packet
/// offsets near and far, X of any size, scratch memory written before it is read. One seed in
/// kManyPathsEach gives one with more paths than can be walked one by one.
std::vector<vm::cbpf::ClassicInsn> generate_classic(uint64_t seed);

}  // namespace weir::tests
