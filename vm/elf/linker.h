#pragma once
// One program of an object -> code of its own: the function, then every function it calls, with
// relocations applied.

#include <cstdint>

#include "vm/elf/btf_ext.h"
#include "vm/elf/elf_file.h"
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
    const BtfExt& ext;
    size_t insns_total = 0;
    size_t lines_total = 0;
};

/// Fills in insns, subprograms, lines and maps. An error of kind kUnsupported concerns this program
/// alone (an external function, CO-RE); any other one says that the object is broken.
Result<void> link_program(LinkInput& input, const Function& main, ProgramSpec& program);

}  // namespace weir::vm::elf
