#pragma once
// Helper calls that become code instead: look-ups in maps that the verifier knows, and reads of the
// environment. Only in proven programs, where helper ids mean what helpers.def says.

#include <cstdint>
#include <variant>

#include "jit/compile_input.h"
#include "vm/program/lookup_layout.h"

namespace weir::jit {

/// map_lookup_elem by a call of the kind's own function: where there is nothing better, and for
/// what code in place leaves to it.
struct DirectLookup {
    vm::Map* map = nullptr;
    vm::LookupFn function = nullptr;
    bool cpu_is_given = false;  ///< in r3, as map_lookup_percpu_elem has it
};
/// On an array: bounds check and address arithmetic.
struct InlineArrayLookup {
    vm::ArrayLayout layout;
    bool per_cpu = false;
};
/// On a hash kind: the usual case.
struct InlineHashLookup {
    vm::HashLayout layout;
    DirectLookup otherwise;
};
/// On an lpm_trie: the same.
struct InlinePrefixLookup {
    vm::PrefixLayout layout;
    DirectLookup otherwise;
};
/// A helper that returns a 32-bit field of RunEnv.
struct EnvField {
    uint32_t offset = 0;
};
/// A helper whose usual case is a few instructions (emit_cheap_helpers.cc).
struct CheapHelper {
    vm::HelperId id{};
    vm::HelperFn function = nullptr;  ///< for the other cases
    bool has_others = false;
};
struct PlainCall {};

using HelperForm = std::variant<PlainCall, DirectLookup, InlineArrayLookup, InlineHashLookup,
                                InlinePrefixLookup, EnvField, CheapHelper>;

/// How the helper call at `slot` is done. The same answer every time.
HelperForm helper_form(const CompileInput& input, size_t slot);

/// The helper call at `slot` becomes code that has the map's address in it: nobody reads r1.
bool needs_no_map(const CompileInput& input, size_t slot);

constexpr bool form_calls(const HelperForm& form) {
    if (const auto* cheap = std::get_if<CheapHelper>(&form)) return cheap->has_others;
    return !std::holds_alternative<InlineArrayLookup>(form) &&
           !std::holds_alternative<EnvField>(form);
}
constexpr bool form_reads_env(const HelperForm& form) {
    const auto* array = std::get_if<InlineArrayLookup>(&form);
    return array == nullptr || array->per_cpu;
}

}  // namespace weir::jit
