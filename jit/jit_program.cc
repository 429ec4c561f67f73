#include "jit/jit_program.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "jit/callback.h"
#include "jit/gdb_object.h"
#include "jit/overlap_plan.h"
#include "jit/perf_map.h"
#include "jit/symbols.h"
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
                             .runnable = made.get(),
                             .notes_aborts = program->spec().type == vm::ProgramType::Xdp};
    Result<MachineCode> code = MachineCode::generate(input);
    if (!code) return fail_in(program->spec().name, code.error());
    made->take(std::move(*code), options);
    made->keep(program, maps, helpers, options.number);
    if (options.perf_symbols || options.gdb_symbols) made->name_code(program->spec(), options);
    return made;
}

void JitProgram::keep(std::shared_ptr<const vm::VerifiedProgram> program,
                      std::span<vm::Map* const> maps, const vm::HelperTable& helpers,
                      uint32_t number) {
    program_ = std::move(program);
    maps_.assign(maps.begin(), maps.end());
    proven_ = {program_->slots(), maps_, &helpers, this, &program_->spec(), number};
}

void JitProgram::name_code(const vm::ProgramSpec& spec, const CompileOptions& options) {
    const auto address = reinterpret_cast<uint64_t>(code().data());
    const std::vector<CodeSymbol> symbols =
        code_symbols(options.name.empty() ? spec.name : options.name, spec, code_->map(), address);
    if (options.perf_symbols)
        if (const Result<void> added = PerfMap::of_process().add(symbols); !added)
            spdlog::warn("perf will not know {}: {}", spec.name, added.error().message);
    if (options.gdb_symbols)
        gdb_ = std::make_unique<const GdbRegistration>(
            gdb_object(spec, code_->map(), symbols, address, code().size()));
}

void JitProgram::take(MachineCode code, const CompileOptions& options) {
    code_.emplace(std::move(code));
    overlap_ = options.overlap;
    tail_entry = code_->tail();
    if (code_->overlap()) {
        look_at_maps();
        enter_by({code_->single(), enter_burst, true});
    } else {
        enter_by({code_->single(), code_->burst(), code_->may_redirect()});
    }
}

/// Stores what is new alone: the line stays shared otherwise.
void JitProgram::look_at_maps() const {
    uint64_t bytes = 0;
    for (const vm::Map* map : code_->overlap_maps()) bytes += map->used_bytes();
    const bool are_big = bytes > overlap_map_bytes();
    if (are_big != maps_are_big_.load(std::memory_order_relaxed))
        maps_are_big_.store(are_big, std::memory_order_relaxed);
}

bool JitProgram::waits_for_memory(vm::RunEnv& env) const {
    if (overlap_ == Overlap::kAlways) return true;
    if (env.bursts++ % kBurstsBetweenLooks == 0) look_at_maps();
    return maps_are_big_.load(std::memory_order_relaxed);
}

void JitProgram::enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                             uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self) {
    const auto& program = *static_cast<const JitProgram*>(self);
    const auto packets = static_cast<size_t>(end - context);
    if (packets >= kOverlapPacketsMin && program.waits_for_memory(*env))
        return program.code_->overlap()->run({context, end}, verdicts, redirects, *env);
    if (!program.code_->may_redirect()) std::fill_n(redirects, packets, 0u);
    program.code_->burst()(context, end, verdicts, redirects, env, self);
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
