#pragma once
// A proven program as machine code.

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "jit/gdb_registration.h"
#include "jit/jit.h"
#include "jit/machine_code.h"
#include "vm/interp/interp.h"

namespace weir::jit {

class JitProgram final : public CompiledProgram, public vm::Runnable {
public:
    /// As compile().
    static Result<std::unique_ptr<CompiledProgram>> make(
        std::shared_ptr<const vm::VerifiedProgram> program, std::span<vm::Map* const> maps,
        const vm::HelperTable& helpers, const CompileOptions& options);

    Engine engine() const override { return Engine::kJit; }
    const vm::Runnable* runnable() const override { return this; }
    std::span<const uint8_t> code() const override { return code_->code(); }
    const CodeMap* code_map() const override { return &code_->map(); }

    uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                  vm::RunEnv& env) const override;
    uint64_t function_address(uint32_t insn) const override;
    /// What the machine code was made of, for runs by the interpreter.
    const vm::ProvenCode& proven() const { return proven_; }

private:
    JitProgram() = default;

    void take(MachineCode code, const CompileOptions& options);
    /// Of programs that may overlap packets: chooses, burst by burst.
    static void enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                            uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self);
    void name_code(const vm::ProgramSpec& spec, const CompileOptions& options);
    void look_at_maps() const;
    bool waits_for_memory(vm::RunEnv& env) const;

    void keep(std::shared_ptr<const vm::VerifiedProgram> program, std::span<vm::Map* const> maps,
              const vm::HelperTable& helpers, uint32_t number);

    std::shared_ptr<const vm::VerifiedProgram> program_;
    std::vector<vm::Map*> maps_;
    vm::ProvenCode proven_{};
    std::optional<MachineCode> code_;  ///< empty while it is being made: it names this object
    std::unique_ptr<const GdbRegistration> gdb_;  ///< if asked for; goes before the code
    Overlap overlap_ = Overlap::kAuto;
    /// Whether the maps are big by now; any worker finds out, now and then. Relaxed: a hint.
    mutable std::atomic<bool> maps_are_big_ = false;
};

}  // namespace weir::jit
