#pragma once
// What the name of a section says of the programs in it (compare section_defs in libbpf's
// libbpf.c).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vm/program/spec.h"

namespace weir::vm::elf {

struct SectionKind {
    ProgramType type = ProgramType::Xdp;
    XdpHook hook = XdpHook::Device;
    bool has_frags = false;
    bool load_by_default = true;   ///< false: the name starts with '?'
    bool assumed = false;          ///< the name says nothing: XDP is our guess, worth a notice
    std::string unsupported_type;  ///< not empty: a type that is not offered ("tc", "kprobe")
    std::string reason;            ///< why not
};

SectionKind classify_section(std::string_view name);

/// The kind that LoadOptions::type asks for; what else the name says stays.
SectionKind forced_kind(ProgramType type, std::string_view section_name);

/// iproute2's way to fill prog arrays: the program of section "ID/INDEX" goes to that slot of the
/// map with that id. Numbers as in C.
struct TailSlot {
    uint32_t map_id = 0;
    uint32_t index = 0;
};
std::optional<TailSlot> tail_slot_of(std::string_view section_name);

/// True for global data: ".data", ".rodata", ".bss" and their ".data.NAME" forms.
bool is_data_section(std::string_view name);
bool is_rodata_section(std::string_view name);

}  // namespace weir::vm::elf
