#pragma once
// Why a check failed, before the place is added.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir::vm::verifier {

struct Fault {
    std::string_view rule;  ///< a literal
    std::string message;
    static constexpr uint32_t kHere = UINT32_MAX;
    uint32_t insn = kHere;  ///< where, if not at the instruction that is being checked
};

using Checked = std::expected<void, Fault>;

inline std::unexpected<Fault> fault(std::string_view rule, std::string message,
                                    uint32_t insn = Fault::kHere) {
    return std::unexpected(Fault{rule, std::move(message), insn});
}

}  // namespace weir::vm::verifier
