#pragma once
// Classic BPF -> eBPF over direct packet access.

#include <string>

#include "vm/cbpf/check.h"
#include "vm/program/spec.h"

namespace weir::vm::cbpf {

/// Where `ld len` takes the length on the wire from. It differs from the bytes at hand where a
/// capture was cut by a snap length.
enum class LengthSource {
    PacketBytes,  ///< data_end - data: the packet is whole
    Metadata,     ///< the u32, in host order, at data_meta; a packet without those 4 bytes of
                  ///< metadata gives 0 wherever its length is asked for
};

/// An XDP program, without maps and calls, that returns what libpcap's
/// bpf_filter(insns, data, length on the wire, data_end - data) returns: for a filter the bytes to
/// keep, 0 for no match. Exact for packets of 0 to 65,535 bytes; loads from beyond count as past
/// the end (vm/verifier proves no more, as the kernel). The verifier accepts it: for programs with
/// many paths it forgets at each join what it knew on the way there, which costs a few
/// instructions and keeps the proof linear.
ProgramSpec convert(const ClassicProgram& program, const std::string& name,
                    LengthSource length = LengthSource::PacketBytes);

}  // namespace weir::vm::cbpf
