#pragma once
// Which fields of its context a program reaches, before it runs.

#include <cstdint>
#include <span>

#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::vm {

constexpr uint64_t kContextWorkMax = 16'000'000;  ///< registers and stack slots looked at
constexpr uint32_t kContextHeadsMax = 32'768;     ///< places that jumps and calls lead to
constexpr int64_t kContextOffsetMax = 1 << 29;    ///< the kernel's BPF_MAX_VAR_OFF

/// Refuses a program that reaches a field which context_access refuses: "insn 4: context: load of
/// 4 bytes at offset 84: field napi_id of __sk_buff …"; the first such instruction.
///
/// Reached is what control flow leads to: both ways of a conditional jump, unless both its sides
/// are the same constants on all ways there (constants of frozen maps are); functions once for all
/// their callers. So this refuses code that the kernel's verifier may leave out because it follows
/// ways one by one and knows ranges: behind "if r2 > 5" and then "if r2 <= 5", behind a constant
/// that lies in a part of a stack slot, behind a null test of an address that is never null.
///
/// What is not surely the context at one offset is left to the run, which checks each access: a
/// context that callbacks get from elsewhere, two offsets that meet, stack that an unknown pointer
/// or a helper may have written. So is a program that takes more than the bounds above.
/// `code` is spec.insns, decoded; its maps and jumps are there.
Result<void> check_context_use(const ProgramSpec& spec, std::span<const DecodedSlot> code);

}  // namespace weir::vm
