#pragma once
// Which fields of its context a program reaches, as far as that is sure before it runs.

#include <cstdint>
#include <span>

#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::vm {

constexpr uint64_t kContextStepsMax = 200'000;  ///< instructions followed in one program
constexpr uint32_t kContextForksMax = 16;       ///< at one conditional jump
constexpr size_t kContextPathsMax = 1'024;      ///< begun and not yet followed

/// Refuses a program that reaches a field which context_access refuses: "insn 4: context: load of
/// 4 bytes at offset 84: field napi_id of __sk_buff …". Only where some packet, some contents of
/// maps and some answers of helpers surely lead there: constants of frozen maps and what earlier
/// jumps said count, and where nothing is sure the run decides. `code` is spec.insns, decoded.
Result<void> check_context_use(const ProgramSpec& spec, std::span<const DecodedSlot> code);

}  // namespace weir::vm
