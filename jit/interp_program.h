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
                  std::span<vm::Map* const> maps, const vm::HelperTable& helpers, uint32_t number);

    Engine engine() const override { return Engine::kInterp; }
    const vm::Runnable* runnable() const override { return &program_; }
    std::span<const uint8_t> code() const override { return {}; }

private:
    static uint64_t enter_single(uint64_t context, uint64_t self, vm::RunEnv* env);
    static void enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                            uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self);

    vm::ProvenProgram program_;
};

}  // namespace weir::jit
