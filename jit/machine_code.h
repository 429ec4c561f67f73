#pragma once
// CompileInput -> machine code in executable memory: the whole back end behind one function.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "jit/code_map.h"
#include "jit/code_memory.h"
#include "jit/compile_input.h"
#include "jit/jit.h"
#include "jit/overlap_run.h"
#include "vm/base/result.h"
#include "vm/program/context.h"

namespace weir::jit {

/// True where this back end's instructions run. Tests build it as for another CPU, too.
constexpr bool kHostIsX86_64 =
#if defined(__x86_64__) && !defined(WEIR_AS_ON_ANOTHER_CPU)
    true;
#else
    false;
#endif

/// What the CPU of this machine has.
CpuFeatures host_cpu_features();

/// A function whose address the program takes.
struct CallableFunction {
    uint32_t insn = 0;    ///< where it begins
    uint64_t offset = 0;  ///< of its code
};

class MachineCode {
public:
    /// r1, r2 and the environment. CompiledProgram's entries have arguments more than the code
    /// takes.
    using SingleEntry = CompiledProgram::SingleEntry;
    using BurstEntry = CompiledProgram::BurstEntry;

    /// kUnsupported: no machine code for something in it, or no x86-64. kResource: no executable
    /// memory.
    static Result<MachineCode> generate(const CompileInput& input);

    SingleEntry single() const {
        return reinterpret_cast<SingleEntry>(memory_.address() + single_offset_);
    }
    /// Where tail calls of other machine code enter: as single(), but that the run goes on.
    const void* tail() const {
        return reinterpret_cast<const void*>(memory_.address() + tail_offset_);
    }
    BurstEntry burst() const {
        return reinterpret_cast<BurstEntry>(memory_.address() + burst_offset_);
    }
    /// Of the function that begins at `insn`, as a HelperFn; 0 of functions whose address nobody
    /// takes.
    uint64_t function_address(uint32_t insn) const;
    bool may_redirect() const { return may_redirect_; }
    /// The burst's other form, where waiting for big maps makes it worth having.
    const std::optional<OverlapCode>& overlap() const { return overlap_; }
    /// Those that it waits for.
    std::span<vm::Map* const> overlap_maps() const { return overlap_maps_; }
    std::span<const uint8_t> code() const { return memory_.code(); }
    const CodeMap& map() const { return *map_; }

private:
    explicit MachineCode(CodeMemory memory) : memory_(std::move(memory)) {}

    CodeMemory memory_;
    std::unique_ptr<const CodeMap> map_;
    uint64_t single_offset_ = 0, tail_offset_ = 0, burst_offset_ = 0;
    std::optional<OverlapCode> overlap_;
    std::vector<vm::Map*> overlap_maps_;
    bool may_redirect_ = false;
    std::vector<CallableFunction> callable_;
};

}  // namespace weir::jit
