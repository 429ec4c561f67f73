#pragma once
// What an address in generated code means to the operator: the program and its instruction.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/registry.h"

namespace weir::dataplane {

struct CodePlace {
    std::shared_ptr<LoadedProgram> program;  ///< nullptr: the address is no program's
    uint32_t insn = jit::kNoSlot;  ///< index of the eBPF instruction; kNoSlot: entering, leaving,
                                   ///< or the loop over a burst
};
CodePlace find_code(const std::vector<std::shared_ptr<LoadedProgram>>& programs, uint64_t address);

/// "instruction 12 of program fw", "program fw, between instructions".
std::string describe(const CodePlace& place);
/// The same for any address of the process: "librte_net_ring.so.23+0x1f2c" for code of ours.
std::string describe_address(const std::vector<std::shared_ptr<LoadedProgram>>& programs,
                             uint64_t address);

}  // namespace weir::dataplane
