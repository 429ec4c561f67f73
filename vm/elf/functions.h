#pragma once
// The functions of an object: which of them are programs, and which function a call lands in.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/elf/elf_file.h"
#include "vm/isa/insn.h"

namespace weir::vm::elf {

constexpr size_t kFunctionsMax = 100'000;  ///< per object

struct Function {
    std::string_view name;
    uint32_t section = 0;
    uint32_t first_insn = 0;  ///< slot in its section
    uint32_t insn_count = 0;
    bool is_program = false;  ///< to be loaded; others are only called
    bool is_global = false;   ///< others may call it, from what its declaration says
};

class FunctionTable {
public:
    /// Programs are the functions outside of .text that are not static (libbpf: static ones there
    /// are an error; older loaders took them), and the only function of an object that has nothing
    /// else. Objects of old compilers name functions by symbols of no type and no size; code that
    /// nothing names is one program called as its section. Refuses functions that leave their
    /// section, overlap, or are cut inside an instruction.
    static Result<FunctionTable> read(const ElfFile& file);

    const std::vector<Function>& all() const { return functions_; }
    /// Index of the function that starts exactly there, or -1.
    int64_t starting_at(uint32_t section, int64_t insn) const;

private:
    std::vector<Function> functions_;  ///< by section, then slot
};

/// Reads the slots of a function; the section's bytes are checked to hold them.
std::vector<Insn> copy_insns(const ElfFile& file, const Function& function);

}  // namespace weir::vm::elf
