#include "tests/conformance/engines.h"

#include <fmt/format.h>

#include "jit/unverified.h"
#include "vm/interp/interp.h"

namespace weir::conformance {
namespace {

constexpr uint64_t kStepsMax =
    100'000'000;  ///< a few seconds of the interpreter: no vector is meant to take longer
constexpr size_t kFirstArgumentHelper = 5;  ///< fixed by the suites' protocol

uint64_t first_argument(uint64_t r1, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    return r1;
}

vm::HelperTable suite_helpers() {
    vm::HelperTable table;
    table.functions[kFirstArgumentHelper] = first_argument;
    return table;
}

using Compile = decltype(jit::TESTING_ONLY_compile_unverified);

Result<uint64_t> run_jit(Compile* compile, std::span<const vm::Insn> insns,
                         std::span<uint8_t> memory, const vm::HelperTable& helpers) {
    const Result<jit::UnverifiedProgram> program = compile(insns, helpers);
    if (!program) return std::unexpected(program.error());
    const uint64_t r0 = (*program)(memory.data(), memory.size());
    if (program->failed()) return fail(ErrorKind::kInvalid, "call of a helper that does not exist");
    return r0;
}

}  // namespace

std::vector<std::string> engine_names() {
    return {"jit", "jit_blinded", "interp"};
}

bool runs_interp_only(std::string_view engine) {
    return engine == "interp";
}

Result<uint64_t> run_unverified(std::string_view engine, std::span<const vm::Insn> insns,
                                std::span<uint8_t> memory) {
    const vm::HelperTable helpers = suite_helpers();
    if (engine == "interp") return vm::interpret_unverified(insns, memory, helpers, kStepsMax);
    if (engine == "jit")
        return run_jit(jit::TESTING_ONLY_compile_unverified, insns, memory, helpers);
    if (engine == "jit_blinded")
        return run_jit(jit::TESTING_ONLY_compile_unverified_blinded, insns, memory, helpers);
    return fail(ErrorKind::kInvalid,
                fmt::format("engine '{}', expected jit, jit_blinded or interp", engine));
}

}  // namespace weir::conformance
