// How much stack a call chain may use: the live kernel, our verifier and the instrumented
// interpreter draw the line at the same byte.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "tests/support/kernel_runner.h"
#include "vm/base/limits.h"
#include "vm/interp/interp.h"
#include "vm/isa/assemble.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint32_t kPass = 2;

/// Functions that call each other in a row, each with a store so far below its r10; 0: none.
struct Chain {
    std::vector<uint32_t> bytes;
    std::vector<uint32_t> never = {};  ///< of some functions: a store that no path reaches

    std::string text() const {
        std::string text = "r6 = r1\n";
        for (size_t i = 0; i < bytes.size(); ++i) {
            if (i != 0) text += fmt::format("f{}: r6 = r1\n", i);
            if (bytes[i] != 0) text += fmt::format("*(u8 *)(r10 - {}) = 1\n", bytes[i]);
            if (i < never.size() && never[i] != 0)
                text += fmt::format(
                    "r7 = 0\nif r7 == 0 goto on{0}\n*(u8 *)(r10 - {1}) = 1\non{0}: ", i, never[i]);
            const bool last = i + 1 == bytes.size();
            text += last ? "r0 = 2\nexit\n" : fmt::format("r1 = r6\ncall f{}\nexit\n", i + 1);
        }
        return text;
    }

    vm::ProgramSpec program() const {
        vm::ProgramSpec program{.name = "chain", .section = "xdp", .insns = *vm::assemble(text())};
        program.subprograms = {{"chain", 0}};
        for (uint32_t pc = 0; pc < program.insns.size(); ++pc)
            if (const auto insn = vm::decode(program.insns, pc);
                insn && insn->op == vm::Op::kCallLocal)
                program.subprograms.push_back(
                    {fmt::format("f{}", program.subprograms.size()),
                     static_cast<uint32_t>(vm::jump_target(*insn, pc).slot)});
        return program;
    }
};

/// nullopt: it ran and passed the packet.
std::optional<std::string> kernel_refusal(const vm::ProgramSpec& program) {
    const std::vector<Bytes> packets = {Bytes(64)};
    const auto run = run_in_kernel(program, packets);
    if (!run) return run.error().message;
    EXPECT_EQ(run->packets.at(0).retval, kPass);
    return std::nullopt;
}

std::optional<std::string> checked_refusal(const vm::ProgramSpec& program) {
    const vm::HelperTable no_helpers;
    const auto checked = vm::CheckedProgram::make(program, {}, no_helpers);
    if (!checked) return checked.error().message;
    Bytes memory(512);
    vm::XdpContext packet{.data = memory.data() + kPacketHeadroomBytes,
                          .data_end = memory.data() + kPacketHeadroomBytes + 64,
                          .data_meta = memory.data() + kPacketHeadroomBytes,
                          .frame_start = memory.data(),
                          .frame_limit = memory.data() + memory.size()};
    vm::RunEnv env;
    const vm::CheckedResult result = vm::run_checked(**checked, packet, env);
    if (result.fault) return result.fault->message;
    EXPECT_EQ(result.retval, kPass);
    return std::nullopt;
}

void expect_same(const Chain& chain, std::optional<bool> accepted = std::nullopt) {
    SCOPED_TRACE(chain.text());
    const vm::ProgramSpec program = chain.program();
    const auto kernel = kernel_refusal(program), checked = checked_refusal(program);
    EXPECT_EQ(!kernel, accepted.value_or(!kernel)) << kernel.value_or("");
    EXPECT_EQ(!kernel, !checked) << kernel.value_or("") << checked.value_or("");
    const auto proof = vm::verify(program);
    EXPECT_EQ(!kernel, proof.has_value());
    if (!kernel || !checked || proof) return;
    EXPECT_THAT(*kernel, testing::HasSubstr("combined stack size"));
    EXPECT_THAT(*checked, testing::StartsWith("the call chain chain ("));
    EXPECT_EQ(proof.error().rule, "stack-depth");
    EXPECT_THAT(proof.error().message, testing::StartsWith("the call chain chain ("));
}

class StackChain : public testing::Test {
protected:
    void SetUp() override {
        if (const auto missing = kernel_missing()) GTEST_SKIP() << *missing;
        std::ifstream setting("/proc/sys/net/core/bpf_jit_enable");
        int enabled = 0;
        setting >> enabled;
        if (enabled == 0) GTEST_SKIP() << "the kernel counts in steps of 32: its JIT is off";
    }
};

TEST_F(StackChain, EndsAt512Bytes) {
    expect_same({{512}}, true);
    expect_same({{256, 256}}, true);
    expect_same({{256, 257}}, false);
    expect_same({{257, 256}}, false);
    expect_same({{240, 272}}, true);
    expect_same({{512, 0}}, true);
    expect_same({{512, 1}}, false);
    expect_same({{0, 512}}, true);
    expect_same({{64, 64, 64, 64, 64, 64, 64, 64}}, true);
    expect_same({{64, 64, 64, 64, 64, 64, 64, 65}}, false);
    expect_same({{80, 0, 144, 0, 144, 0, 144, 0}}, true);
    expect_same({{81, 0, 144, 0, 144, 0, 144, 0}}, false);
}

TEST_F(StackChain, LeavesOutWhatNoPathReaches) {
    expect_same({{0, 200}, {400}}, true);
    expect_same({{100, 200}, {400, 512}}, true);
    expect_same({{208, 192, 112}, {512, 512, 512}}, true);
    expect_same({{208, 192, 113}, {512, 512, 512}}, false);
}

TEST_F(StackChain, AgreesOnRandomChains) {
    constexpr uint32_t kSeed = 20240229, kChains = 200;
    std::mt19937 random(kSeed);
    const auto below = [&](uint32_t end) { return static_cast<uint32_t>(random() % end); };
    for (uint32_t i = 0; i < kChains; ++i) {
        Chain chain;
        const uint32_t frames = 2 + below(7);
        for (uint32_t frame = 0; frame < frames; ++frame)
            chain.bytes.push_back(std::min(below(1100 / frames), 512u));
        expect_same(chain);
    }
}

}  // namespace
}  // namespace weir::tests
