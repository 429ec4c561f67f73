#include "vm/program/stack_chain.h"

#include <fmt/format.h>

#include <iterator>

namespace weir::vm {

std::optional<std::string> stack_chain_refusal(std::span<const ChainFrame> chain) {
    uint64_t sum = 0;
    for (const ChainFrame& frame : chain) sum += counted_stack(frame.stack_bytes);
    if (sum <= kStackChainBytesMax) return std::nullopt;
    std::string text = "the call chain ";
    std::string_view between;
    for (const ChainFrame& frame : chain) {
        fmt::format_to(std::back_inserter(text), "{}{} ({})", between, frame.function,
                       counted_stack(frame.stack_bytes));
        between = " -> ";
    }
    fmt::format_to(std::back_inserter(text), " needs {} bytes of stack, at most {} are possible",
                   sum, kStackChainBytesMax);
    return text;
}

}  // namespace weir::vm
