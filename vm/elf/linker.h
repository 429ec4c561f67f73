#pragma once
// One program of an object -> code of its own: the function, then every function it calls, with
// relocations applied.

#include <cstdint>

#include "vm/elf/btf_ext.h"
#include "vm/elf/contracts.h"
#include "vm/elf/core_relo.h"
#include "vm/elf/elf_file.h"
#include "vm/elf/externs.h"
#include "vm/elf/functions.h"
#include "vm/elf/map_table.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

constexpr size_t kLinkedInsnsMax =
    4'000'000;  ///< all programs of one object together: shared functions are copied
constexpr size_t kLinesMax = 1'000'000;  ///< likewise

/// What linking reads, and what it has spent of its bounds.
struct LinkInput {
    const ElfFile& file;
    const FunctionTable& functions;
    const MapTable& maps;
    const ExternTable& externs;
    const BtfExt& ext;
    const ContractTable& contracts;
    CoreRelocator& core;
    std::vector<std::string>& notices;
    size_t insns_total = 0;
    size_t lines_total = 0;
};

/// Fills in insns, subprograms and lines; `maps` gets the indices (in MapTable) of the maps that
/// the code refers to, in the order of the code's own numbers. An error of kind kUnsupported
/// concerns this program alone (an external function, CO-RE, a map that is not offered); any other
/// one says that the object is broken.
Result<void> link_program(LinkInput& input, const Function& main, ProgramSpec& program,
                          std::vector<uint32_t>& maps);

}  // namespace weir::vm::elf
