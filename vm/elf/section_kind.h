#pragma once
// What the name of a section says of the programs in it (compare section_defs in libbpf's
// libbpf.c).

#include <string>
#include <string_view>

#include "vm/program/spec.h"

namespace weir::vm::elf {

struct SectionKind {
    ProgramType type = ProgramType::Xdp;
    bool has_frags = false;
    bool assumed = false;          ///< the name says nothing: XDP is our guess, worth a notice
    std::string unsupported_type;  ///< not empty: a type that is not offered ("tc", "kprobe")
    std::string reason;            ///< why not
};

/// A leading '?' (libbpf: do not load by default) does not matter.
SectionKind classify_section(std::string_view name);

/// The kind that LoadOptions::type asks for, whatever the section is called.
SectionKind forced_kind(ProgramType type, std::string_view section_name);

/// True for global data: ".data", ".rodata", ".bss" and their ".data.NAME" forms.
bool is_data_section(std::string_view name);
bool is_rodata_section(std::string_view name);

}  // namespace weir::vm::elf
