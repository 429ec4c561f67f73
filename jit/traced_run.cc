#include "jit/traced_run.h"

#include "jit/jit_program.h"

namespace weir::jit {
namespace {

/// Machine code has an entry for tail calls, and nothing else has.
const vm::ProvenCode* find_code(const vm::Runnable* program) {
    return program->tail_entry != nullptr
               ? &static_cast<const JitProgram*>(program)->proven()
               : &static_cast<const vm::ProvenProgram*>(program)->bound();
}

}  // namespace

uint32_t run_traced(const CompiledProgram& program, vm::XdpContext& context, vm::RunEnv& env,
                    vm::RunRecorder& recorder) {
    const vm::Runnable* const runnable = program.runnable();
    if (runnable == nullptr) return program.run(context, env);
    env.redirect_ifindex = 0;
    return vm::interpret_traced(*find_code(runnable), context, env, recorder,
                                {.find = find_code, .before = nullptr});
}

}  // namespace weir::jit
