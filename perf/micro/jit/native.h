#pragma once
// The programs of programs.bpf.c as native code, compiled by clang -O3.

#include <cstdint>
#include <span>
#include <string_view>

#include "vm/program/context.h"
#include "vm/program/map.h"
#include "vm/program/run.h"

namespace weir::perf {

using NativeFn = uint32_t (*)(vm::XdpContext* context, vm::RunEnv& env);

/// nullptr where there is no program of this name.
NativeFn native_program(std::string_view name);
/// From now on native programs use these for their maps of the same names.
void bind_native_maps(std::span<vm::Map* const> maps);

}  // namespace weir::perf
