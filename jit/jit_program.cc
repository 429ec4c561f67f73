#include "jit/jit_program.h"

#include <algorithm>

#include "jit/callback.h"
#include "jit/overlap_plan.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"

namespace weir::jit {
namespace {

/// A prime, since programs that take turns on a worker count in one row: each gets its turn.
constexpr uint32_t kBurstsBetweenLooks = 1009;
constexpr size_t kOverlapPacketsMin = 4;  ///< fewer do not pay for the frames

std::vector<FunctionInput> functions_of(const vm::VerifiedProgram& program) {
    const std::vector<vm::Subprogram>& subprograms = program.spec().subprograms;
    const std::vector<uint32_t>& stack_bytes = program.proof().stack_bytes;
    WEIR_CHECK(stack_bytes.size() == subprograms.size());
    std::vector<FunctionInput> functions;
    for (size_t i = 0; i < subprograms.size(); ++i)
        functions.push_back({subprograms[i].insn, stack_bytes[i]});
    return functions;
}

}  // namespace

Result<std::unique_ptr<CompiledProgram>> JitProgram::make(
    std::shared_ptr<const vm::VerifiedProgram> program, std::span<vm::Map* const> maps,
    const vm::HelperTable& helpers, const CompileOptions& options) {
    WEIR_CHECK(maps.size() == program->spec().maps.size());
    std::unique_ptr<JitProgram> made(new JitProgram);
    const CompileInput input{.slots = program->slots(),
                             .facts = program->proof().facts,
                             .functions = functions_of(*program),
                             .maps = maps,
                             .helpers = &helpers,
                             .cpu = host_cpu_features(),
                             .options = options,
                             .runnable = made.get()};
    Result<MachineCode> code = MachineCode::generate(input);
    if (!code) return fail_in(program->spec().name, code.error());
    made->code_.emplace(std::move(*code));
    made->overlap_ = options.overlap;
    made->tail_entry = made->code_->tail();
    return made;
}

uint32_t JitProgram::run(vm::XdpContext& context, vm::RunEnv& env) const {
    env.redirect_ifindex = 0;
    return static_cast<uint32_t>(code_->single()(reinterpret_cast<uint64_t>(&context), 0, &env));
}

bool JitProgram::waits_for_memory(vm::RunEnv& env) const {
    if (overlap_ == Overlap::kAlways) return true;
    if (env.bursts++ % kBurstsBetweenLooks == 0) {
        uint64_t bytes = 0;
        for (const vm::Map* map : code_->overlap_maps()) bytes += map->used_bytes();
        const bool are_big = bytes > overlap_map_bytes();
        if (are_big != maps_are_big_.load(std::memory_order_relaxed))
            maps_are_big_.store(are_big, std::memory_order_relaxed);
    }
    return maps_are_big_.load(std::memory_order_relaxed);
}

void JitProgram::run_burst(std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts,
                           std::span<uint32_t> redirects, vm::RunEnv& env) const {
    WEIR_CHECK(verdicts.size() >= contexts.size() && redirects.size() >= contexts.size());
    if (contexts.empty()) return;
    if (code_->overlap() && contexts.size() >= kOverlapPacketsMin && waits_for_memory(env))
        return code_->overlap()->run(contexts, verdicts.data(), redirects.data(), env);
    if (!code_->may_redirect()) std::fill_n(redirects.begin(), contexts.size(), 0u);
    code_->burst()(contexts.data(), contexts.data() + contexts.size(), verdicts.data(),
                   redirects.data(), &env);
}

uint64_t JitProgram::call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                          vm::RunEnv& env) const {
    env.tail_calls = 0;
    env.may_gotos_left = kMayGotoMax;
    return call_function(env, function, arguments);
}

uint64_t JitProgram::function_address(uint32_t insn) const {
    return code_->function_address(insn);
}

}  // namespace weir::jit
