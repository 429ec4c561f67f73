// Full bursts on their way through a worker: the shortcuts must give what packet by packet gives.

#include <map>

#include "dataplane/verdict.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "vm/base/limits.h"

namespace weir::dataplane::testing {
namespace {

constexpr size_t kBurst = 64;  ///< two full receive bursts

Frame frame_of(uint32_t number, size_t bytes) {
    Frame frame(bytes, 0);
    std::memcpy(frame.data(), &number, sizeof number);
    return frame;
}
uint32_t number_of(const vm::XdpContext& context) {
    uint32_t number = 0;
    std::memcpy(&number, context.data, sizeof number);
    return number;
}

/// What `verdicts[number % size]` for numbered packets leads to: the numbers that arrived behind
/// p0 (by PASS) in their order, and the counters.
struct Outcome {
    std::vector<uint32_t> passed;
    api::Stats stats;
    ProgramCounters counted;
};

Outcome sift(const std::vector<uint32_t>& verdicts, bool keeps_frames, size_t bytes = 60) {
    const RunDir dir;
    auto forwarding = start(configure({{"net_ring0", "p1"}, {"net_ring1", ""}}), dir);
    Outcome outcome;
    if (!forwarding) return outcome;
    ChainEntry first = entry(0, [&](vm::XdpContext& context, vm::RunEnv&) {
        const uint32_t number = number_of(context);
        // What was sent back by XDP_TX comes in again, and ends there.
        if (number >= kBurst) return static_cast<uint32_t>(vm::XDP_DROP);
        const uint32_t verdict = verdicts[number % verdicts.size()];
        const uint32_t again = number + kBurst;
        if (verdict == vm::XDP_TX) std::memcpy(context.data, &again, sizeof again);
        return verdict;
    });
    first.keeps_frames = keeps_frames;
    const auto keep = [&](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
        outcome.passed.push_back(number_of(context));
        return vm::XDP_DROP;
    };
    EXPECT_TRUE(forwarding->publish(generation(
        1, {{.ingress = {first}, .egress = {}}, {.ingress = {entry(1, keep)}, .egress = {}}})));
    RingInput input("net_ring0");
    std::vector<Frame> frames;
    for (uint32_t i = 0; i < kBurst; ++i) frames.push_back(frame_of(i, bytes));
    EXPECT_TRUE(input.put_burst(frames));
    EXPECT_TRUE(eventually([&] {
        const api::Stats stats = forwarding->read_stats();
        uint64_t ended = 0;
        for (const auto& [reason, packets] : stats.total.drops) ended += packets;
        return ended == kBurst && stats.total.in_flight == 0;
    }));
    outcome.stats = forwarding->read_stats();
    outcome.counted = forwarding->program_counters(0);
    return outcome;
}

void expect_outcome(const std::vector<uint32_t>& verdicts, bool keeps_frames) {
    const Outcome outcome = sift(verdicts, keeps_frames);
    std::vector<uint32_t> passed;
    std::map<size_t, uint64_t> counted;
    for (uint32_t i = 0; i < kBurst; ++i) {
        const uint32_t verdict = verdicts[i % verdicts.size()];
        ++counted[verdict_index(verdict)];
        counted[vm::XDP_DROP] += verdict == vm::XDP_TX;  // when it comes in again
        if (verdict == vm::XDP_PASS) passed.push_back(i);
    }
    EXPECT_EQ(outcome.passed, passed);
    for (size_t i = 0; i < kVerdicts; ++i) EXPECT_EQ(outcome.counted.verdicts[i], counted[i]) << i;
    const api::Counters& p0 = outcome.stats.ports.at("p0");
    EXPECT_EQ(dropped(p0, "xdp_drop"), counted[vm::XDP_DROP]);
    EXPECT_EQ(outcome.stats.ports.at("p1").tx_bytes, passed.size() * 60);
    EXPECT_EQ(unaccounted(outcome.stats.total), 0u);
}

class Bursts : public ::testing::TestWithParam<bool> {};

TEST_P(Bursts, AreSiftedInOrder) {
    using V = std::vector<uint32_t>;
    for (const V& verdicts :
         {V{vm::XDP_DROP}, V{vm::XDP_PASS}, V{vm::XDP_DROP, vm::XDP_PASS, vm::XDP_PASS},
          V{vm::XDP_PASS, vm::XDP_DROP}, V{vm::XDP_TX, vm::XDP_DROP, vm::XDP_DROP},
          V{vm::XDP_TX, vm::XDP_PASS}, V{vm::XDP_ABORTED, vm::XDP_PASS, vm::XDP_DROP, 77}})
        in_child([&] { expect_outcome(verdicts, GetParam()); });
}

TEST_P(Bursts, LoseWhatIsTooLongForThePortTheyLeaveBy) {
    in_child([] {
        const Outcome outcome = sift({vm::XDP_PASS}, GetParam(), 1600);
        EXPECT_TRUE(outcome.passed.empty());
        EXPECT_EQ(dropped(outcome.stats.ports.at("p1"), "exceeds_mtu"), kBurst);
        EXPECT_EQ(unaccounted(outcome.stats.total), 0u);
    });
}

TEST(BurstsRoom, IsToldAgainAfterAGenerationThatNeedsNone) {
    in_child([] {
        const RunDir dir;
        auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        ASSERT_TRUE(forwarding);
        RingInput input("net_ring0");
        const std::vector<Frame> frames(kBurst, Frame(60, 0));
        const auto settled = [&](uint64_t bursts) {
            return eventually([&] {
                return dropped(forwarding->read_stats().total, "xdp_drop") == bursts * kBurst;
            });
        };
        ChainEntry looks = returning(0, vm::XDP_DROP);
        looks.keeps_frames = true;
        ASSERT_TRUE(forwarding->publish(generation(1, {{.ingress = {looks}, .egress = {}}})));
        ASSERT_TRUE(input.put_burst(frames));
        ASSERT_TRUE(settled(1));
        const ChainEntry grows = entry(1, [](vm::XdpContext& context, vm::RunEnv&) -> uint32_t {
            EXPECT_EQ(context.data - context.frame_start, ptrdiff_t{kPacketHeadroomBytes});
            EXPECT_GT(context.frame_limit, context.data_end);
            EXPECT_LT(context.frame_limit, context.data + kPacketHeadroomBytes * 16);
            return vm::XDP_DROP;
        });
        ASSERT_TRUE(forwarding->publish(generation(2, {{.ingress = {grows}, .egress = {}}})));
        ASSERT_TRUE(input.put_burst(frames));
        ASSERT_TRUE(settled(2));
    });
}

INSTANTIATE_TEST_SUITE_P(Programs, Bursts, ::testing::Bool(), [](const auto& with) {
    return std::string(with.param ? "ThatKeepFrames" : "ThatMayChangeFrames");
});

}  // namespace
}  // namespace weir::dataplane::testing
