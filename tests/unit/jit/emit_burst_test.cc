#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <vector>

#include "jit/machine_code.h"
#include "tests/support/insns.h"
#include "vm/base/limits.h"

namespace weir::tests {
namespace {

using vm::Op;

constexpr int32_t kRedirect = 23, kCount = 7;

uint64_t redirect(uint64_t ifindex, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv& env) {
    env.redirect_ifindex = static_cast<uint32_t>(ifindex);
    return vm::XDP_REDIRECT;
}

/// Also asks for the stack alignment that the ABI promises: an aligned vector store faults without.
uint64_t count(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv& env) {
    alignas(16) volatile uint8_t probe[16] = {};
    EXPECT_EQ(reinterpret_cast<uint64_t>(&probe) % 16, 0u);
    return ++env.printk_count;
}

class EmitBurst : public testing::Test {
protected:
    EmitBurst() {
        helpers_.functions[kRedirect] = redirect;
        helpers_.functions[kCount] = count;
        for (uint32_t i = 0; i < contexts_.size(); ++i) contexts_[i].ingress_ifindex = 100 + i;
        verdicts_.fill(0xeeee'eeee);
        redirects_.fill(0xeeee'eeee);
    }

    jit::MachineCode compile(const InsnWriter& w) {
        slots_ = vm::decode_program(w.insns()).value();
        jit::CompileInput input;
        input.slots = slots_;
        input.functions = jit::find_functions(slots_, kStackBytes);
        input.helpers = &helpers_;
        Result<jit::MachineCode> code = jit::MachineCode::generate(input);
        EXPECT_TRUE(code.has_value()) << code.error().message;
        return std::move(*code);
    }

    void run(const jit::MachineCode& code, size_t packets) {
        code.burst()(contexts_.data(), contexts_.data() + packets, verdicts_.data(),
                     redirects_.data(), &env_, nullptr);
    }

    vm::HelperTable helpers_;
    std::vector<vm::DecodedSlot> slots_;
    std::array<vm::XdpContext, kBurstPacketsMax> contexts_{};
    std::array<uint32_t, kBurstPacketsMax> verdicts_{}, redirects_{};
    vm::RunEnv env_;
};

constexpr int16_t kIfindex = offsetof(vm::XdpContext, ingress_ifindex);

/// `saved` of r6..r9 are used, so that loop state lies in registers, on the stack, or both.
InsnWriter verdict_program(int saved, bool calls, bool redirects, bool stack) {
    InsnWriter w;
    w.mov_reg(2, 1);
    for (int i = 0; i < saved; ++i) w.put(Op::kLoad32, static_cast<uint8_t>(6 + i), 1, kIfindex);
    if (stack) w.put(Op::kLoad32, 3, 1, kIfindex).store64(10, -200, 3);
    w.put(Op::kLoad32, 0, 2, kIfindex);
    if (calls) {
        w.store64(10, -8, 0).call(kCount).load64(0, 10, -8);
    }
    if (redirects) {
        w.store64(10, -8, 0);
        w.put(Op::kLoad64, 1, 10, -8)
            .mov(2, 0)
            .put(Op::kJset64Imm, 1, 0, 1, 1)
            .call(kRedirect)
            .load64(0, 10, -8);
    }
    for (int i = 0; i < saved; ++i) w.put(Op::kAdd64Reg, 0, static_cast<uint8_t>(6 + i));
    if (stack) w.load64(1, 10, -200).put(Op::kAdd64Reg, 0, 1);
    w.exit();
    return w;
}

TEST_F(EmitBurst, StoresAVerdictForEveryPacketAndNoMore) {
    for (int saved = 0; saved <= 4; ++saved) {
        for (int form = 0; form < 8; ++form) {
            const bool calls = (form & 1) != 0, redirects = (form & 2) != 0,
                       stack = (form & 4) != 0;
            const jit::MachineCode code = compile(verdict_program(saved, calls, redirects, stack));
            ASSERT_EQ(code.may_redirect(), redirects);
            for (const uint32_t packets : {1u, 2u, 31u, kBurstPacketsMax - 1}) {
                verdicts_.fill(0xeeee'eeee);
                redirects_.fill(0xeeee'eeee);
                run(code, packets);
                for (uint32_t i = 0; i < packets; ++i) {
                    const auto times = static_cast<uint32_t>(1 + saved + (stack ? 1 : 0));
                    ASSERT_EQ(verdicts_[i], (100 + i) * times) << saved << " " << form << " " << i;
                    const bool redirected = redirects && i % 2 == 0;
                    ASSERT_EQ(redirects_[i], redirected ? 100 + i : redirects ? 0u : 0xeeee'eeee);
                }
                ASSERT_EQ(verdicts_[packets], 0xeeee'eeee);
                ASSERT_EQ(redirects_[packets], 0xeeee'eeee);
            }
        }
    }
}

TEST_F(EmitBurst, CallsTheHelperOncePerPacket) {
    const jit::MachineCode code = compile(verdict_program(2, true, false, true));
    run(code, kBurstPacketsMax);
    EXPECT_EQ(env_.printk_count, kBurstPacketsMax);
}

TEST_F(EmitBurst, EarlyExitGoesOnWithTheNextPacket) {
    InsnWriter w;
    w.put(Op::kLoad32, 6, 1, kIfindex).mov(0, 1).put(Op::kJset64Imm, 6, 0, 2, 1);
    w.mov(0, 2).put(Op::kJgt64Imm, 6, 0, 1, 110).exit().mov(0, 3).exit();
    const jit::MachineCode code = compile(w);
    run(code, kBurstPacketsMax);
    for (uint32_t i = 0; i < kBurstPacketsMax; ++i)
        EXPECT_EQ(verdicts_[i], i % 2 != 0 ? 1u : i > 10 ? 3u : 2u) << i;
}

TEST_F(EmitBurst, SharesSubprogramsWithTheSingleEntry) {
    InsnWriter w;
    w.put(Op::kLoad32, 1, 1, kIfindex).put(Op::kCallLocal, 0, 0, 0, 1).exit();
    w.mov_reg(6, 1).store64(10, -512, 6).call(kCount).load64(0, 10, -512).add(0, 1).exit();
    const jit::MachineCode code = compile(w);
    run(code, 8);
    for (uint32_t i = 0; i < 8; ++i) {
        EXPECT_EQ(verdicts_[i], 101 + i);
        EXPECT_EQ(code.single()(reinterpret_cast<uint64_t>(&contexts_[i]), 0, &env_), 101 + i);
    }
}

}  // namespace
}  // namespace weir::tests
