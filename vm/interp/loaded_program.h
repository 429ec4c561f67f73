#pragma once
// A program of the instrumented interpreter: decoded, its references resolved, what each
// instruction reads and writes of registers, and each function of stack.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vm/interp/interp.h"

namespace weir::vm {

/// Bit i: ri.
struct RegisterUse {
    uint16_t reads = 0, writes = 0;
};
RegisterUse register_use(const DecodedInsn& insn);

/// A function, and how far below r10 its instructions reach: by r10 itself, and by registers that
/// hold r10 and a constant since the last place where paths meet.
struct StackUse {
    uint32_t slot = 0;  ///< where it begins
    uint32_t stack_bytes = 0;
    std::string name;
};
/// By slot. Functions begin at 0, where calls and LoadCodeAddr lead, and where `names` says.
std::vector<StackUse> stack_uses(std::span<const DecodedSlot> code,
                                 std::span<const RegisterUse> uses,
                                 std::span<const Subprogram> names);

class LoadedProgram final : public CheckedProgram {
public:
    LoadedProgram(ProgramSpec its_spec, std::vector<Map*> its_maps, const HelperTable& its_helpers,
                  std::vector<DecodedSlot> its_code);

    const ProgramSpec& spec() const override { return spec_; }
    void report_faults_to(FaultSink sink) override { fault_sink_ = std::move(sink); }
    uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                  RunEnv& env) const override;
    /// The one that begins there.
    const StackUse& function_at(const DecodedSlot* begin) const;

    const std::vector<DecodedSlot> code;
    const std::vector<RegisterUse> uses;  ///< by slot
    const std::vector<StackUse> functions;
    const std::vector<Map*> maps;
    const HelperTable& helpers;

private:
    ProgramSpec spec_;
    FaultSink fault_sink_;
};

}  // namespace weir::vm
