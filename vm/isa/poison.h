#pragma once

#include <cstdint>

namespace weir::vm {

/// What stands where a CO-RE relocation or an extern has no answer: a call of a helper that no
/// kernel has (libbpf's number, "bad relo"). It is well formed, so that code which never runs
/// spoils nothing.
constexpr int32_t kPoisonHelper = 0xbad2310;

}  // namespace weir::vm
