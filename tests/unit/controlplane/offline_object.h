#pragma once
// Objects made in C++ for offline runs.

#include <string>
#include <utility>
#include <vector>

#include "controlplane/cli/offline_set.h"
#include "tests/support/insns.h"

namespace weir::controlplane::cli {

constexpr int32_t kTailCall = 12;

inline vm::ProgramSpec program_of(const std::string& name, std::vector<vm::Insn> insns,
                                  std::vector<vm::MapSpec> maps = {}) {
    vm::ProgramSpec program;
    program.name = name;
    program.section = "xdp";
    program.insns = std::move(insns);
    program.subprograms = {{name, 0}};
    program.maps = std::move(maps);
    return program;
}

inline vm::ProgramSpec returning(const std::string& name, int32_t value) {
    return program_of(name, tests::InsnWriter().mov(0, value).exit().insns());
}

inline vm::MapSpec jumps_to(const std::string& target) {
    vm::MapSpec map;
    map.name = "jumps";
    map.type = vm::MapType::ProgArray;
    map.key_bytes = map.value_bytes = 4;
    map.entries_max = 2;
    map.slots = {{1, target}};
    return map;
}

inline vm::ProgramSpec jumping(const std::string& name, const std::string& target) {
    return program_of(name,
                      tests::InsnWriter()
                          .load_map(2, 0)
                          .mov(3, 1)
                          .call(kTailCall)
                          .mov(0, vm::XDP_DROP)
                          .exit()
                          .insns(),
                      {jumps_to(target)});
}

inline vm::ObjectSpec object_of(std::vector<vm::ProgramSpec> programs) {
    vm::ObjectSpec object;
    for (const vm::ProgramSpec& program : programs)
        object.maps.insert(object.maps.end(), program.maps.begin(), program.maps.end());
    object.programs = std::move(programs);
    return object;
}

inline const OfflineOptions kUnverified{.engine = jit::Engine::kInterp, .unverified = true};

}  // namespace weir::controlplane::cli
