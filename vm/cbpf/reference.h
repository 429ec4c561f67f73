#pragma once
// The meaning of a classic program: libpcap's bpf_filter().

#include <cstdint>
#include <string>

#include "vm/base/bytes.h"
#include "vm/cbpf/check.h"

namespace weir::vm::cbpf {

/// What a filter returns for a packet of any length: the judge of convert(), and the way for
/// packets that are longer than an XDP program can see (kReachBytes). `wire_bytes` is what
/// `ld len` gives. Any thread.
uint32_t run_reference(const ClassicProgram& program, ByteSpan packet, uint32_t wire_bytes);

/// "(003) jeq      #0x11            jt 4	jf 16", as tcpdump -d prints the instruction at
/// `pc`.
std::string disassemble(const ClassicInsn& insn, size_t pc);

}  // namespace weir::vm::cbpf
