#pragma once
// A proven program as machine code.

#include <atomic>
#include <memory>

#include "jit/jit.h"
#include "jit/machine_code.h"

namespace weir::jit {

class JitProgram final : public CompiledProgram {
public:
    /// As compile().
    static Result<std::unique_ptr<CompiledProgram>> make(
        std::shared_ptr<const vm::VerifiedProgram> program, std::span<vm::Map* const> maps,
        const vm::HelperTable& helpers, const CompileOptions& options);

    uint32_t run(vm::XdpContext& context, vm::RunEnv& env) const override;
    void run_burst(std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts,
                   std::span<uint32_t> redirects, vm::RunEnv& env) const override;
    Engine engine() const override { return Engine::kJit; }
    std::span<const uint8_t> code() const override { return code_.code(); }

private:
    JitProgram(MachineCode code, Overlap overlap) : code_(std::move(code)), overlap_(overlap) {}

    bool waits_for_memory(vm::RunEnv& env) const;

    MachineCode code_;
    Overlap overlap_;
    /// Whether the maps are big by now; any worker finds out, now and then. Relaxed: a hint.
    mutable std::atomic<bool> maps_are_big_ = false;
};

}  // namespace weir::jit
