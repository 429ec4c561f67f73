#include "vm/interp/stack_use.h"

#include <vector>

#include "vm/interp/loaded_program.h"
#include "vm/program/stack_chain.h"

namespace weir::vm {

uint32_t StackUse::counted(uint32_t first, uint32_t end) const {
    uint32_t sum = 0;
    for (uint32_t depth = first; depth < end; ++depth) sum += counted_stack(frames_[depth].bytes);
    return sum;
}

std::optional<std::string> StackUse::refusal(uint32_t first, uint32_t end,
                                             const LoadedProgram& program) const {
    if (counted(first, end) <= kStackChainBytesMax) return std::nullopt;
    std::vector<std::string> names;
    for (uint32_t depth = first; depth < end; ++depth)
        names.push_back(program.function_name(frames_[depth].slot));
    std::vector<ChainFrame> chain;
    for (uint32_t depth = first; depth < end; ++depth)
        chain.push_back({names[depth - first], frames_[depth].bytes});
    return stack_chain_refusal(chain);
}

}  // namespace weir::vm
