#pragma once
// A program of the instrumented interpreter: decoded, its references resolved, and what each
// instruction reads and writes of registers.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vm/interp/code_address.h"
#include "vm/interp/interp.h"

namespace weir::vm {

/// Bit i: ri.
struct RegisterUse {
    uint16_t reads = 0, writes = 0;
};
RegisterUse register_use(const DecodedInsn& insn);

class LoadedProgram final : public CheckedProgram {
public:
    LoadedProgram(ProgramSpec its_spec, std::vector<Map*> its_maps, const HelperTable& its_helpers,
                  std::vector<DecodedSlot> its_code);

    const ProgramSpec& spec() const override { return spec_; }
    void report_faults_to(FaultSink sink, uint64_t insns_max) override {
        fault_sink_ = std::move(sink);
        callback_insns_max_ = insns_max;
    }
    uint64_t call(uint64_t function, const std::array<uint64_t, 5>& arguments,
                  RunEnv& env) const override;
    uint64_t function_address(uint32_t insn) const override { return code_address(insn); }
    /// Of the function that begins there; "insn 7" where it has none.
    std::string function_name(uint32_t slot) const;

    const std::vector<DecodedSlot> code;
    const std::vector<RegisterUse> uses;  ///< by slot
    const std::vector<Map*> maps;
    const HelperTable& helpers;

private:
    ProgramSpec spec_;
    FaultSink fault_sink_;
    uint64_t callback_insns_max_ = kCheckedInsnsMax;
};

}  // namespace weir::vm
