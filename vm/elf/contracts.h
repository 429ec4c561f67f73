#pragma once
// What the global functions of an object may be given, by their BTF (Linux, kernel/bpf/btf.c:
// btf_prepare_func_args).

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/elf/btf_view.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

class ContractTable {
public:
    explicit ContractTable(const BtfView& btf);

    /// nullopt: there is no such function, or its declaration does not say enough: more than five
    /// arguments, tags on them, or types other than numbers, the context of `type` and pointers to
    /// memory whose size is known.
    std::optional<Contract> of(std::string_view function, ProgramType type) const;

private:
    const BtfView& btf_;
    std::unordered_map<std::string_view, uint32_t> prototypes_;  ///< by the function's name
};

}  // namespace weir::vm::elf
