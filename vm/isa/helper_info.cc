#include "vm/isa/helper_info.h"

namespace weir::vm {
namespace {

using enum ArgKind;

constexpr HelperInfo kHelpers[] = {
#define WEIR_HELPER(id, name, returns, arg1, arg2, arg3, arg4, arg5, effects) \
    {id, #name, ReturnKind::returns, {arg1, arg2, arg3, arg4, arg5}, Effect::effects},
#include "vm/isa/helpers.def"
};

}  // namespace

const HelperInfo* helper_info(int64_t id) {
    for (const HelperInfo& row : kHelpers)
        if (row.id == id) return &row;
    return nullptr;
}

}  // namespace weir::vm
