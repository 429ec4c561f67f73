// The one file that clang compiles: meson.build says how.

#include "perf/micro/jit/native.h"

#include "perf/micro/jit/source.h"

namespace weir::perf {
namespace native {

#include "perf/micro/jit/programs.bpf.c"
#include "perf/micro/jit/tables.bpf.c"

}  // namespace native

NativeFn native_program(std::string_view name) {
    const auto found = native::NativeProgram::all().find(name);
    return found == native::NativeProgram::all().end() ? nullptr : found->second;
}

void bind_native_maps(std::span<vm::Map* const> maps) {
    for (vm::Map* const map : maps) {
        const auto named = native::NativeMap::all().find(map->spec().name);
        if (named != native::NativeMap::all().end()) named->second->bind(*map);
    }
}

}  // namespace weir::perf
