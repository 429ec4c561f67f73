#pragma once
// JSON -> bytes of keys and values by their BTF types: what to_json gives, and what people write.

#include <span>
#include <string>

#include "controlplane/telemetry/type_json.h"
#include "vm/base/result.h"

namespace weir::controlplane {

/// Fills `bytes`. Members by name, all of them but padding (pad…, reserved…, unused…) and the
/// fields that belong to helpers (bpf_spin_lock, bpf_timer), which stay zero; enumerators by name
/// or number; arrays in full; char arrays as text; addresses as text, also for a number of their
/// size and for arrays of bytes; "0x…" as bytes in memory order. Without a type: a number of up to
/// 8 bytes or "0x…". Errors are kInvalid and start with `path` and the member: "value.rate: value
/// -1, expected 0 to 4294967295 (__u32)".
Result<void> from_json(const vm::TypeRef& type, const Json& json, std::span<uint8_t> bytes,
                       const std::string& path);

/// A member that nobody reads: padding, and what only helpers may touch.
bool is_filler(const vm::TypeMember& member);

}  // namespace weir::controlplane
