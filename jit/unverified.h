#pragma once
// A door for tests and for the conformance plug-in: machine code from bytes that nobody proved
// safe.

#include <cstdint>
#include <memory>
#include <span>

#include "jit/code_map.h"
#include "vm/base/result.h"
#include "vm/isa/insn.h"
#include "vm/program/run.h"

namespace weir::jit {

class UnverifiedCode;

/// Runs whatever the bytes say, in this process. r1 = address, r2 = length of the memory.
class UnverifiedProgram {
public:
    explicit UnverifiedProgram(std::unique_ptr<UnverifiedCode> code);
    UnverifiedProgram(UnverifiedProgram&&) noexcept;
    UnverifiedProgram& operator=(UnverifiedProgram&&) noexcept;
    ~UnverifiedProgram();

    /// r0. 0 after `callx` to a helper that does not exist, and `failed` then says so.
    uint64_t operator()(uint8_t* memory, uint64_t length) const;
    bool failed() const;
    std::span<const uint8_t> code() const;
    const CodeMap& code_map() const;

private:
    std::unique_ptr<UnverifiedCode> code_;
};

/// `helpers` must outlive the result. Errors: bytes that are no program, instructions without
/// meaning outside of the verifier (maps), no executable memory.
Result<UnverifiedProgram> TESTING_ONLY_compile_unverified(std::span<const vm::Insn> insns,
                                                          const vm::HelperTable& helpers);
/// The same without the instructions that only some CPUs have, so that tests reach both forms.
Result<UnverifiedProgram> TESTING_ONLY_compile_unverified_baseline(std::span<const vm::Insn> insns,
                                                                   const vm::HelperTable& helpers);
/// The same with constants blinded.
Result<UnverifiedProgram> TESTING_ONLY_compile_unverified_blinded(std::span<const vm::Insn> insns,
                                                                  const vm::HelperTable& helpers);

}  // namespace weir::jit
