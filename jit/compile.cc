// Chooses what runs a program.

#include <atomic>
#include <utility>

#include <spdlog/spdlog.h>

#include "jit/interp_program.h"
#include "jit/jit.h"
#include "jit/jit_program.h"
#include "vm/base/check.h"

namespace weir::jit {
namespace {

/// Once per process: the reason does not change from program to program, and the log is the
/// operator's.
void say_interpreter_serves(const Error& reason) {
    static std::atomic<bool> said = false;
    if (!said.exchange(true, std::memory_order_relaxed))
        spdlog::warn("{}; the interpreter runs the programs instead, at a fraction of the speed",
                     reason.message);
}

}  // namespace

Result<std::unique_ptr<CompiledProgram>> compile(std::shared_ptr<const vm::VerifiedProgram> program,
                                                 std::span<vm::Map* const> maps,
                                                 const vm::HelperTable& helpers, Engine engine,
                                                 const CompileOptions& options) {
    WEIR_CHECK(program != nullptr && maps.size() == program->spec().maps.size());
    if (engine == Engine::kJit) {
        Result<std::unique_ptr<CompiledProgram>> compiled =
            JitProgram::make(program, maps, helpers, options);
        const bool machine_lacks =
            !compiled && (!kHostIsX86_64 || compiled.error().kind == ErrorKind::kResource);
        if (!machine_lacks) return compiled;
        say_interpreter_serves(compiled.error());
    }
    return std::make_unique<InterpProgram>(std::move(program), maps, helpers, options.number);
}

}  // namespace weir::jit
