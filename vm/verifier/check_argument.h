#pragma once
// What the checks of arguments share: plain memory, and what is held or called back.

#include "vm/verifier/checks.h"

namespace weir::vm::verifier {

/// "argument 2 of map_update_elem …"
std::unexpected<Fault> bad_argument(const Call& call, uint8_t index, const std::string& what,
                                    std::string_view rule = "helper-argument");
/// Memory that a helper reads: in bounds, written, no pointers in it.
Checked check_read_argument(Step& step, Call& call, uint8_t index, const Reg& pointer,
                            uint32_t size);
/// Memory that it writes: its first `sure` bytes certainly.
Checked check_write_argument(Step& step, Call& call, uint8_t index, const Reg& pointer,
                             uint32_t sure, uint32_t size);

// check_object_argument.cc
/// References, locks, timers, callbacks, dynptrs and iterators.
Checked check_object_argument(Step& step, Call& call, uint8_t index, const Reg& reg);
/// The map of timer_init() must be the one whose value holds the timer.
Checked check_timer_map(const Step& step, const Call& call, uint8_t index);

}  // namespace weir::vm::verifier
