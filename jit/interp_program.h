#pragma once
// A proven program that the interpreter runs: the reference, and what serves where there is no
// machine code.

#include <memory>

#include "jit/jit.h"
#include "vm/interp/interp.h"

namespace weir::jit {

class InterpProgram final : public CompiledProgram {
public:
    /// As compile().
    InterpProgram(std::shared_ptr<const vm::VerifiedProgram> program,
                  std::span<vm::Map* const> maps, const vm::HelperTable& helpers);

    uint32_t run(vm::XdpContext& context, vm::RunEnv& env) const override;
    void run_burst(std::span<vm::XdpContext> contexts, std::span<uint32_t> verdicts,
                   std::span<uint32_t> redirects, vm::RunEnv& env) const override;
    Engine engine() const override { return Engine::kInterp; }
    const vm::Runnable* runnable() const override { return &program_; }
    std::span<const uint8_t> code() const override { return {}; }

private:
    vm::ProvenProgram program_;
};

}  // namespace weir::jit
