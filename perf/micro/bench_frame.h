#pragma once
// The frame that benchmarks of interpreters and filters run over.

#include <array>
#include <cstdint>

namespace weir::perf {

using BenchFrame = std::array<uint8_t, 64>;

/// Ethernet, IPv4, TCP; addresses and ports depend on `number`.
BenchFrame bench_frame(uint32_t number);

}  // namespace weir::perf
