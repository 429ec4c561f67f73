#include "tests/unit/jit/engines.h"

#include <gtest/gtest.h>

#include <cstring>

#include "jit/unverified.h"
#include "vm/interp/interp.h"

namespace weir::tests {
namespace {

using vm::Op;

constexpr uint64_t kStepsMax = 10'000;
constexpr int16_t kMachineSlot = -8, kFlagSlot = -16, kDumpSlot = -24;

int16_t register_offset(size_t i) {
    return static_cast<int16_t>(offsetof(Machine, registers) + 8 * i);
}
int16_t result_offset(size_t i) {
    return static_cast<int16_t>(offsetof(Machine, results) + 8 * i);
}
int16_t dump_slot(size_t i) {
    return static_cast<int16_t>(kDumpSlot - static_cast<int>(8 * i));
}

uint64_t mix(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, vm::RunEnv& env) {
    ++env.printk_count;
    return a ^ (b * 3) ^ (c * 5) ^ (d * 7) ^ (e * 11);
}

uint64_t seven(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv&) {
    return 7;
}

}  // namespace

const vm::HelperTable& test_helpers() {
    static const vm::HelperTable table = [] {
        vm::HelperTable filled;
        filled.functions[1] = mix;
        filled.functions[2] = seven;
        return filled;
    }();
    return table;
}

std::vector<vm::Insn> with_registers(const std::vector<vm::Insn>& body) {
    InsnWriter w;
    w.store64(10, kMachineSlot, 1).put(Op::kStoreImm64, 10, 0, kFlagSlot, 0);
    for (uint8_t i = 0; i < kRegisters; ++i)
        if (i != 1) w.load64(i, 1, register_offset(i));
    w.load64(1, 1, register_offset(1));
    w.append(body);
    for (uint8_t i = 0; i < kRegisters; ++i) w.store64(10, dump_slot(i), i);
    w.load64(1, 10, kMachineSlot);
    for (uint8_t i = 0; i < kRegisters; ++i)
        w.load64(2, 10, dump_slot(i)).store64(1, result_offset(i), 2);
    w.load64(0, 10, kFlagSlot).store64(1, offsetof(Machine, flag), 0).exit();
    return w.insns();
}

struct Engines::Compiled {
    jit::UnverifiedProgram host, baseline, blinded;
};

Engines::Engines(const std::vector<vm::Insn>& program) : program_(program) {
    auto host = jit::TESTING_ONLY_compile_unverified(program_, test_helpers());
    auto baseline = jit::TESTING_ONLY_compile_unverified_baseline(program_, test_helpers());
    auto blinded = jit::TESTING_ONLY_compile_unverified_blinded(program_, test_helpers());
    EXPECT_TRUE(blinded.has_value()) << blinded.error().message << "\n" << raw_listing(program_);
    EXPECT_TRUE(host.has_value()) << host.error().message << "\n" << raw_listing(program_);
    EXPECT_TRUE(baseline.has_value()) << baseline.error().message << "\n" << raw_listing(program_);
    if (host && baseline && blinded)
        compiled_ =
            std::make_unique<Compiled>(std::move(*host), std::move(*baseline), std::move(*blinded));
}

Engines::~Engines() = default;

Machine Engines::run(const Machine& machine) {
    // One buffer for all engines: addresses that a program computes must agree as well.
    alignas(16) static Machine buffer;
    auto* memory = reinterpret_cast<uint8_t*>(&buffer);
    buffer = machine;
    const Result<uint64_t> wanted =
        vm::interpret_unverified(program_, {memory, sizeof buffer}, test_helpers(), kStepsMax);
    EXPECT_TRUE(wanted.has_value()) << wanted.error().message << "\n" << raw_listing(program_);
    if (!wanted || compiled_ == nullptr) return machine;
    const Machine after = buffer;
    r0_ = *wanted;
    for (const jit::UnverifiedProgram* engine :
         {&compiled_->host, &compiled_->baseline, &compiled_->blinded}) {
        buffer = machine;
        const uint64_t got = (*engine)(memory, sizeof buffer);
        EXPECT_EQ(got, *wanted) << raw_listing(program_);
        EXPECT_EQ(buffer.results, after.results) << raw_listing(program_);
        EXPECT_EQ(buffer.flag, after.flag) << raw_listing(program_);
        EXPECT_EQ(buffer.scratch, after.scratch) << raw_listing(program_);
    }
    return after;
}

Machine distinct_machine() {
    Machine machine;
    for (size_t i = 0; i < kRegisters; ++i)
        machine.registers[i] = 0x1111'1111'1111'1111 * (i + 1) + i;
    for (size_t i = 0; i < kScratchBytes; ++i) machine.scratch[i] = static_cast<uint8_t>(0x90 + i);
    return machine;
}

}  // namespace weir::tests
