#pragma once
// Helper calls that become code instead: look-ups in maps that the verifier knows, and reads of the
// environment. Only in proven programs, where helper ids mean what helpers.def says.

#include <cstdint>
#include <variant>

#include "jit/compile_input.h"

namespace weir::jit {

/// map_lookup_elem on an array: bounds check and address arithmetic.
struct InlineArrayLookup {
    vm::ArrayLayout layout;
    bool per_cpu = false;
};
/// map_lookup_elem on any other known map: a call of the kind's own function.
struct DirectLookup {
    vm::LookupFn function = nullptr;
};
/// A helper that returns a 32-bit field of RunEnv.
struct EnvField {
    uint32_t offset = 0;
};
struct PlainCall {};

using HelperForm = std::variant<PlainCall, InlineArrayLookup, DirectLookup, EnvField>;

/// How the helper call at `slot` is done. The same answer every time.
HelperForm helper_form(const CompileInput& input, size_t slot);

constexpr bool form_calls(const HelperForm& form) {
    return std::holds_alternative<PlainCall>(form) || std::holds_alternative<DirectLookup>(form);
}
constexpr bool form_reads_env(const HelperForm& form) {
    const auto* array = std::get_if<InlineArrayLookup>(&form);
    return array == nullptr || array->per_cpu;
}

}  // namespace weir::jit
