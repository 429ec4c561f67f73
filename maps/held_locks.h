#pragma once
// What a thread holds while it runs a program's own instructions: the spin lock of a value between
// bpf_spin_lock and bpf_spin_unlock, a record that it reserved, a ring that it drains. A program
// that is taken off its thread there would leave it to nobody.

#include <cstdint>

namespace weir::maps {

/// Of this thread; its signal handlers may read it.
inline constinit thread_local uint32_t held_locks = 0;

}  // namespace weir::maps
