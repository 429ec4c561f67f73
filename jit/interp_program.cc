#include "jit/interp_program.h"

#include <utility>

namespace weir::jit {

InterpProgram::InterpProgram(std::shared_ptr<const vm::VerifiedProgram> program,
                             std::span<vm::Map* const> maps, const vm::HelperTable& helpers,
                             uint32_t number)
    : CompiledProgram({enter_single, enter_burst, true}),
      program_(std::move(program), maps, helpers, number) {}

uint64_t InterpProgram::enter_single(uint64_t context, uint64_t self, vm::RunEnv* env) {
    const auto* program =
        static_cast<const InterpProgram*>(reinterpret_cast<const CompiledProgram*>(self));
    return program->program_.run(*reinterpret_cast<vm::XdpContext*>(context), *env);
}

void InterpProgram::enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                                uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self) {
    for (; context != end; ++context) {
        *verdicts++ = self->run(*context, *env);
        *redirects++ = env->redirect_ifindex;
        vm::keep_map_redirect(*env);
    }
}

}  // namespace weir::jit
