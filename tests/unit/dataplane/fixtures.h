#pragma once
// Small programs and maps, assembled by hand.

#include <functional>

#include "vm/base/result.h"
#include "vm/program/context.h"
#include "vm/program/spec.h"

namespace weir::dataplane {

/// A Writer (dataplane/map_commands.h) that needs no worker.
inline Result<void> at_once(const std::function<void()>& write) {
    write();
    return {};
}

inline vm::ProgramSpec testing_program(std::string name, std::vector<vm::Insn> insns) {
    vm::ProgramSpec program;
    program.name = std::move(name);
    program.section = "xdp";
    program.insns = std::move(insns);
    program.subprograms = {{program.name, 0}};
    return program;
}

/// r0 = verdict; exit
inline vm::ProgramSpec testing_return(uint32_t verdict) {
    return testing_program("fixed",
                           {{0xb7, 0, 0, 0, static_cast<int32_t>(verdict)}, {0x95, 0, 0, 0, 0}});
}

inline vm::MapSpec testing_map(std::string name, vm::MapType type, uint32_t entries_max) {
    vm::MapSpec map;
    map.name = std::move(name);
    map.type = type;
    map.key_bytes = 4;
    map.value_bytes = 8;
    map.entries_max = entries_max;
    return map;
}

/// Looks key 0 up in its only map; counts there, then returns `verdict`.
inline vm::ProgramSpec testing_counter(uint32_t verdict, const vm::MapSpec& map) {
    vm::ProgramSpec program = testing_program(
        "counter", {
                       {0x62, 10, 0, -4, 0},                            // *(u32*)(r10 - 4) = 0
                       {0xbf, 2, 10, 0, 0},                             // r2 = r10
                       {0x07, 2, 0, 0, -4},                             // r2 += -4
                       {0x18, 1, 1, 0, 0},                              // r1 = map 0
                       {0x00, 0, 0, 0, 0},                              //
                       {0x85, 0, 0, 0, 1},                              // map_lookup_elem
                       {0x15, 0, 0, 3, 0},                              // if r0 == 0 goto exit
                       {0x79, 1, 0, 0, 0},                              // r1 = *(u64*)r0
                       {0x07, 1, 0, 0, 1},                              // r1 += 1
                       {0x7b, 0, 1, 0, 0},                              // *(u64*)r0 = r1
                       {0xb7, 0, 0, 0, static_cast<int32_t>(verdict)},  // r0 = verdict
                       {0x95, 0, 0, 0, 0},                              // exit
                   });
    program.maps = {map};
    return program;
}

}  // namespace weir::dataplane
