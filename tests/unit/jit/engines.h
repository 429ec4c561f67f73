#pragma once
// The same bytes through the interpreter and through all forms of machine code (with and without
// BMI2, constants blinded), registers and memory compared.

#include <array>
#include <cstdint>
#include <vector>

#include "tests/support/insns.h"
#include "vm/program/run.h"

namespace weir::tests {

/// Values where arithmetic changes its mind.
inline constexpr std::array<uint64_t, 24> kBoundaryValues = {0,
                                                             1,
                                                             2,
                                                             7,
                                                             31,
                                                             32,
                                                             33,
                                                             63,
                                                             64,
                                                             127,
                                                             128,
                                                             255,
                                                             0x7fff,
                                                             0x8000,
                                                             0xffff,
                                                             0x7fff'ffff,
                                                             0x8000'0000,
                                                             0xffff'ffff,
                                                             0x1'0000'0000,
                                                             0x7fff'ffff'ffff'ffff,
                                                             0x8000'0000'0000'0000,
                                                             0xffff'ffff'ffff'ffff,
                                                             0xffff'ffff'8000'0000,
                                                             0x0123'4567'89ab'cdef};

inline constexpr std::array<int32_t, 16> kBoundaryImmediates = {
    0, 1, 2, 3, 16, 31, 32, 127, 128, -128, -129, 255, 0xffff, INT32_MAX, INT32_MIN, -1};

/// r0..r9 before an instruction, or after it; then room that memory instructions work on.
constexpr size_t kRegisters = 10;
constexpr size_t kScratchBytes = 64;
struct Machine {
    std::array<uint64_t, kRegisters> registers{};
    std::array<uint64_t, kRegisters> results{};
    uint64_t flag = 0;  ///< what `body` left at [r10-16]
    std::array<uint8_t, kScratchBytes> scratch{};
};

/// Offset from the memory's start, for bodies that load its address out of [r10-8].
constexpr int16_t kScratchOffset = offsetof(Machine, scratch);

/// Around `body`: registers come from Machine, [r10-8] holds the machine's address, [r10-16] is 0;
/// afterwards all go back.
std::vector<vm::Insn> with_registers(const std::vector<vm::Insn>& body);

/// A program in all engines.
class Engines {
public:
    /// Fails the test if an engine refuses.
    explicit Engines(const std::vector<vm::Insn>& program);
    ~Engines();
    Engines(const Engines&) = delete;
    Engines& operator=(const Engines&) = delete;

    /// Runs in all engines over copies of `machine`; the test fails unless r0 and every byte agree.
    /// Returns what came out.
    Machine run(const Machine& machine);
    uint64_t r0() const { return r0_; }

private:
    struct Compiled;
    std::vector<vm::Insn> program_;
    std::unique_ptr<Compiled> compiled_;
    uint64_t r0_ = 0;
};

/// A machine whose registers hold different large values.
Machine distinct_machine();

/// Helper 1 mixes its five arguments, helper 2 overwrites nothing and returns 7.
const vm::HelperTable& test_helpers();

}  // namespace weir::tests
