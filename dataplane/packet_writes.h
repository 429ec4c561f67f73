#pragma once
// Whether a program can change the bytes of its packet, so that a run of it which did not come to
// its end may have left them half changed.

#include "vm/program/verified.h"

namespace weir::dataplane {

/// False only where the proof rules it out: no store can reach packet memory, no function is called
/// that changes a packet or writes to memory of the caller's choice, and no other program is
/// called.
bool may_write_packets(const vm::VerifiedProgram& program);

}  // namespace weir::dataplane
