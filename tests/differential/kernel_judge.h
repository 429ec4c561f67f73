#pragma once
// The live kernel's verdicts on programs in raw instructions, callbacks, kfuncs, locks and timers
// among them: BTF for functions and values is made here. Needs root.

#include <memory>
#include <string>
#include <vector>

#include "tests/support/kernel_load.h"
#include "vm/program/spec.h"

namespace weir::tests {

struct KernelJudgement {
    bool accepted = false;
    bool root_only = false;  ///< accepted, but not from a loader without CAP_PERFMON
    std::string message;     ///< refused: the line of the kernel's log that says why
};

class KernelJudge {
public:
    /// Programs to be judged have these maps.
    static Result<KernelJudge> make(const std::vector<vm::MapSpec>& maps);
    KernelJudge(KernelJudge&&);
    ~KernelJudge();

    KernelJudgement judge(const vm::ProgramSpec& program) const;

private:
    struct Types;
    using Maps = std::vector<FileDescriptor>;
    KernelJudge();

    Result<FileDescriptor> create_map(const vm::MapSpec& spec) const;
    Maps maps_that_hold_programs() const;
    int map_of(const Maps& own, size_t index) const;
    std::vector<vm::Insn> linked(const vm::ProgramSpec& program, const Maps& own) const;
    KernelJudgement load(const vm::ProgramSpec& program) const;

    std::unique_ptr<Types> types_;
    std::vector<vm::MapSpec> specs_;
    Maps maps_;
};

}  // namespace weir::tests
