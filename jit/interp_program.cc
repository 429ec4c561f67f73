#include "jit/interp_program.h"

#include <utility>

#include "vm/base/check.h"

namespace weir::jit {

InterpProgram::InterpProgram(std::shared_ptr<const vm::VerifiedProgram> program,
                             std::span<vm::Map* const> maps, const vm::HelperTable& helpers)
    : program_(std::move(program), maps, helpers) {}

uint32_t InterpProgram::run(vm::XdpContext& context, vm::RunEnv& env) const {
    env.redirect_ifindex = 0;
    return program_.run(context, env);
}

void InterpProgram::run_burst(std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts,
                              std::span<uint32_t> redirects, vm::RunEnv& env) const {
    WEIR_CHECK(verdicts.size() >= contexts.size() && redirects.size() >= contexts.size());
    for (size_t i = 0; i < contexts.size(); ++i) {
        verdicts[i] = run(contexts[i], env);
        redirects[i] = env.redirect_ifindex;
    }
}

}  // namespace weir::jit
