#pragma once
// Programs for the interpreters' benchmark: one body each, which finds the packet in r7, behind the
// beginning that an engine wants; and the same in C++.

#include <cstdint>
#include <vector>

#include "vm/isa/insn.h"

namespace weir::perf {

constexpr uint32_t kInterpHeaderBytes = 38;  ///< Ethernet, IPv4 without options, ports

enum class PacketIn : uint8_t {
    XdpMd,  ///< r1 points to xdp_md: data and data_end are loaded and compared
    R1,     ///< r1 is the packet, long enough: rte_bpf
};

struct InterpProgram {
    const char* name;
    std::vector<vm::Insn> body;
    uint32_t (*native)(const uint8_t* data, const uint8_t* end);

    std::vector<vm::Insn> insns(PacketIn where) const;
};

/// One port of TCP; 32 rules in a row; a hash of the 5-tuple with the header's checksum.
const std::vector<InterpProgram>& interp_programs();

}  // namespace weir::perf
