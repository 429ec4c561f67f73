#pragma once
// Programs for the JIT benchmark, each twice: as eBPF, and as C++ that does the same with the same
// maps.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vm/program/context.h"
#include "vm/program/map.h"
#include "vm/program/run.h"
#include "vm/program/spec.h"

namespace weir::perf {

using BenchFrame = std::array<uint8_t, 64>;
using NativeProgram = uint32_t (*)(vm::XdpContext& context, vm::Map* const* maps, vm::RunEnv& env);

struct BenchProgram {
    const char* name;
    vm::ProgramSpec spec;
    NativeProgram native;
    void (*fill)(std::span<vm::Map* const> maps);
};

/// Ethernet, IPv4, TCP; addresses and ports depend on `number`.
BenchFrame bench_frame(uint32_t number);

const std::vector<BenchProgram>& bench_programs();

}  // namespace weir::perf
