// What a run shows to who watches it.

#include "tests/unit/vm/interp/checked_fixture.h"

namespace weir::vm {
namespace {

struct Seen {
    uint32_t insn, depth;
    uint16_t initialised;
    std::array<uint64_t, kRegisterCount> registers;
    const uint8_t* stack_end;
};

class Recorder : public RunWatcher {
public:
    void step(const RunStep& step) override {
        Seen now{
            step.insn, step.depth, step.initialised, {}, step.stack.data() + step.stack.size()};
        std::ranges::copy(step.registers, now.registers.begin());
        seen.push_back(now);
    }
    std::vector<Seen> seen;
};

class Watcher : public CheckedTest {
protected:
    CheckedResult watch(std::string_view text) {
        const auto program = load(text);
        run(*program);
        skb.frame = xdp;
        return run_checked(*program, xdp, env, insns_max, &recorder);
    }
    Recorder recorder;
};

TEST_F(Watcher, IsShownEveryInstructionBeforeItRuns) {
    const CheckedResult result = watch("r0 = 5\nr0 += 2\nexit");
    ASSERT_EQ(recorder.seen.size(), result.insns);
    EXPECT_EQ(recorder.seen[0].initialised, 1u << 1 | 1u << 10);
    EXPECT_EQ(recorder.seen[0].registers[1], reinterpret_cast<uint64_t>(&xdp));
    EXPECT_EQ(recorder.seen[1].registers[0], 5u);
    EXPECT_EQ(recorder.seen[2].registers[0], 7u);
    EXPECT_EQ(recorder.seen[2].insn, 2u);
}

TEST_F(Watcher, IsShownTheFramesOfCalls) {
    watch("call f\nexit\nf: r0 = 1\nexit");
    ASSERT_EQ(recorder.seen.size(), 4u);
    const auto top = reinterpret_cast<uint64_t>(recorder.seen[0].stack_end);
    EXPECT_EQ(recorder.seen[1].insn, 2u);
    EXPECT_EQ(recorder.seen[1].depth, 1u);
    EXPECT_EQ(recorder.seen[0].registers[10], top);
    EXPECT_EQ(recorder.seen[1].registers[10], top - kStackBytes);
    EXPECT_EQ(recorder.seen[3].depth, 0u);
}

TEST_F(Watcher, IsShownTheInstructionThatFaults) {
    const CheckedResult result = watch("r0 = 0\nr0 = *(u8 *)(r0 + 0)\nexit");
    ASSERT_TRUE(result.fault);
    EXPECT_EQ(recorder.seen.back().insn, result.fault->insn);
}

}  // namespace
}  // namespace weir::vm
