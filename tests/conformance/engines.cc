#include "tests/conformance/engines.h"

#include <fmt/format.h>

#include "vm/interp/interp.h"

namespace weir::conformance {
namespace {

constexpr uint64_t kStepsMax = 100'000'000;  ///< a few seconds of the interpreter: no vector is meant to take longer
constexpr size_t kFirstArgumentHelper = 5;   ///< fixed by the suites' protocol

uint64_t first_argument(uint64_t r1, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) { return r1; }

vm::HelperTable suite_helpers() {
    vm::HelperTable table;
    table.functions[kFirstArgumentHelper] = first_argument;
    return table;
}

}  // namespace

Result<uint64_t> run_unverified(std::string_view engine, std::span<const vm::Insn> insns, std::span<uint8_t> memory) {
    const vm::HelperTable helpers = suite_helpers();
    if (engine == "interp") return vm::interpret_unverified(insns, memory, helpers, kStepsMax);
    return fail(ErrorKind::kUnsupported, fmt::format("engine '{}' is not built in, expected interp", engine));
}

}  // namespace weir::conformance
