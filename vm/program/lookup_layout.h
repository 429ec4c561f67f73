#pragma once
// Where the elements of a map lie and how a key leads there, for machine code that looks up without
// a call. Each kind of map fills in its own (maps/), the JIT alone reads it.

#include <variant>

#include "vm/program/map.h"

namespace weir::vm {

struct LookupLayout {
    std::variant<std::monostate, ArrayLayout> kind;  ///< monostate: by a call only
};

}  // namespace weir::vm
