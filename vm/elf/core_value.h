#pragma once
// CO-RE: what a relocation's answer is, for the object's own types and for the target's: an offset,
// a size, a shift, a type id, an enumerator's value, or whether something exists.

#include <cstdint>

#include "vm/elf/core_spec.h"

namespace weir::vm::elf {

/// The answer that one side gives.
struct CoreValue {
    uint64_t value = 0;
    uint32_t access_bytes = 0;  ///< size of the member at an offset; 0 where no load may follow it
    uint32_t access_type = 0;   ///< its type id
    bool is_certain = true;     ///< the compiler must have computed the same (not for bit fields)
    bool is_missing = false;    ///< no such thing there, and the code cannot do without
};

/// `spec` is a path through `btf`.
Result<CoreValue> core_value(const BtfView& btf, const CoreSpec& spec);
/// The same where the target has no such thing.
CoreValue core_value_missing(CoreKind kind);

/// How an instruction changes: from the answer that the compiler put there to the target's.
struct CoreChange {
    uint64_t before = 0, after = 0;
    uint32_t bytes_before = 0, bytes_after = 0;  ///< of a load or store
    bool check_before = true;                    ///< the instruction must hold `before`
    bool is_missing = false;                     ///< the instruction may not be reached
    bool is_misread = false;  ///< a load or store of that size would misread the member
};

/// Loads may change their size for pointers and unsigned integers only: the rest of the register
/// would be wrong.
CoreChange core_change(const BtfView& local, const CoreValue& before, const BtfView& target,
                       const CoreValue& after);

}  // namespace weir::vm::elf
