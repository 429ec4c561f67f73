#pragma once
// What a program asks of the machine: the helpers and kernel functions that it calls, and its maps.

#include <string>
#include <vector>

#include "vm/program/spec.h"
#include "vm/program/verified.h"

namespace weir::controlplane::cli {

struct ProgramUse {
    std::vector<std::string> helpers;  ///< without the "bpf_" in front, sorted; "helper 400"
    std::vector<std::string> kfuncs;   ///< sorted
    std::vector<std::string> maps;     ///< in the program's order
};

/// With a proof only what is reached.
ProgramUse program_use(const vm::ProgramSpec& program, const vm::Proof* proof);

}  // namespace weir::controlplane::cli
