#pragma once
// One program of forms in all our engines, over the same maps and packets.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jit/machine_code.h"
#include "tests/differential/forms_program.h"
#include "vm/program/map.h"
#include "vm/program/verified.h"

namespace weir::tests {

/// What came out of at most kFormPackets packets.
struct FormResults {
    Bytes out, memory;
    std::vector<uint32_t> verdicts;
};

class FormEngines {
public:
    /// Fails the test where the verifier or the JIT refuses.
    explicit FormEngines(const vm::ProgramSpec& spec);
    bool ok() const { return !codes_.empty(); }

    FormResults interpret(std::span<const FormOperands> operands);
    struct Named {
        std::string name;
        FormResults results;
    };
    /// Code for this CPU and for any, one packet after another and as a burst.
    std::vector<Named> run_code(std::span<const FormOperands> operands);

private:
    struct Code {
        std::string name;
        jit::MachineCode code;
    };
    template <typename Run>
    FormResults run(std::span<const FormOperands> operands, Run run);

    std::vector<std::unique_ptr<vm::Map>> maps_;
    std::vector<vm::Map*> pointers_;
    std::shared_ptr<const vm::VerifiedProgram> program_;
    std::vector<Code> codes_;
};

}  // namespace weir::tests
