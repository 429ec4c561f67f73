#pragma once
// Machine code of a program as bpftool shows it: per function, with source lines, names in place of
// addresses and, where asked for, the eBPF instructions that the code does.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controlplane/telemetry/type_json.h"
#include "jit/code_map.h"
#include "jit/code_names.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

/// Compiled here or by a running node: `address` need not be one of this process.
struct JitedProgram {
    const vm::ProgramSpec& spec;
    const jit::CodeMap& map;
    std::span<const uint8_t> code;
    uint64_t address = 0;
    std::vector<jit::CodeName> names;
};

struct JitedOptions {
    bool opcodes = false;  ///< the bytes of each instruction
    bool insns = false;    ///< eBPF instructions in between
};

std::string jited_text(const JitedProgram& program, const JitedOptions& options);
/// {"name","bytes","code","functions":[{"name","offset","bytes","insns":[{"offset","text","opcodes",
/// "insn","line"}]}]}; "insn" is the eBPF slot and "line" its source, where there is one.
Json jited_json(const JitedProgram& program);

}  // namespace weir::controlplane::cli
