#pragma once
// Ids of helpers by the kernel's names (helper_names.def) and numbers of kfuncs (kfuncs.def), for
// code to which a call means more than its row says.

#include <cstdint>

namespace weir::vm {

enum class HelperId : uint32_t {
#define WEIR_HELPER_NAME(id, name, refusal) name = id,
#include "vm/isa/helper_names.def"
};

enum class KfuncId : uint32_t {
#define WEIR_KFUNC(id, name, users, returns, arg1, arg2, arg3, arg4, arg5, effects) name = id,
#include "vm/isa/kfuncs.def"
};

/// As an instruction's immediate carries it.
constexpr int64_t number_of(HelperId id) {
    return static_cast<int64_t>(id);
}
constexpr int64_t number_of(KfuncId id) {
    return static_cast<int64_t>(id);
}

}  // namespace weir::vm
