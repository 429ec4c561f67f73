#include "dataplane/publication.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace weir::dataplane {
namespace {

/// A program that knows how many of its kind are alive.
class CountedProgram : public jit::CompiledProgram {
public:
    explicit CountedProgram(std::atomic<int>& alive)
        : CompiledProgram({enter_single, enter_burst, true}), alive_(alive) {
        ++alive_;
    }
    ~CountedProgram() override { --alive_; }
    jit::Engine engine() const override { return jit::Engine::kInterp; }
    std::span<const uint8_t> code() const override { return {}; }

private:
    static uint64_t enter_single(uint64_t, uint64_t, vm::RunEnv*) { return vm::XDP_PASS; }
    static void enter_burst(vm::XdpContext*, vm::XdpContext*, uint32_t*, uint32_t*, vm::RunEnv*,
                            const CompiledProgram*) {}

    std::atomic<int>& alive_;
};

std::unique_ptr<Generation> generation(uint64_t number, size_t ingress, size_t egress,
                                       std::atomic<int>& alive) {
    auto made = std::make_unique<Generation>();
    made->number = number;
    made->ports.resize(1);
    for (size_t i = 0; i < ingress; ++i)
        made->ports[0].ingress.push_back({std::make_shared<CountedProgram>(alive), 0});
    for (size_t i = 0; i < egress; ++i)
        made->ports[0].egress.push_back({std::make_shared<CountedProgram>(alive), 0});
    return made;
}

TEST(Publication, RunsByBurstsOnlyWhereNobodyCanTell) {
    std::atomic<int> alive{0};
    EXPECT_TRUE(make_live(generation(1, 0, 0, alive))->by_bursts);
    EXPECT_TRUE(make_live(generation(1, 1, 0, alive))->by_bursts);
    EXPECT_FALSE(make_live(generation(1, 2, 0, alive))->by_bursts);
    EXPECT_FALSE(make_live(generation(1, 1, 1, alive))->by_bursts);
    EXPECT_EQ(alive, 0);
}

TEST(Publication, ShowsSegmentsOnlyWhereEveryProgramOnTheWayTakesThem) {
    std::atomic<int> alive{0};
    const auto takes = [&](bool first, bool second, bool egress) {
        auto made = generation(1, 2, 1, alive);
        made->ports[0].ingress[0].takes_segments = first;
        made->ports[0].ingress[1].takes_segments = second;
        made->ports[0].egress[0].takes_segments = egress;
        return make_live(std::move(made))->ports[0].takes_segments;
    };
    EXPECT_TRUE(takes(true, true, true));
    EXPECT_FALSE(takes(true, false, true));
    EXPECT_FALSE(takes(true, true, false));
    EXPECT_TRUE(make_live(generation(1, 0, 0, alive))->ports[0].takes_segments);
}

TEST(Publication, KnowsPortsWhosePacketsMeetNoProgramThatMayChangeThem) {
    std::atomic<int> alive{0};
    const auto keeps = [&](bool ingress, bool egress) {
        auto made = generation(1, 1, 1, alive);
        made->ports[0].ingress[0].keeps_frames = ingress;
        made->ports[0].egress[0].keeps_frames = egress;
        return make_live(std::move(made))->ports[0].keeps_frames;
    };
    EXPECT_TRUE(keeps(true, true));
    EXPECT_FALSE(keeps(false, true));
    EXPECT_FALSE(keeps(true, false));
    EXPECT_TRUE(make_live(generation(1, 0, 0, alive))->ports[0].keeps_frames);
}

TEST(Publication, FreesTheOldOnceEveryWorkerMovedOn) {
    std::atomic<int> alive{0};
    Publication publication(1, 2);
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> backwards{0};
    std::vector<std::thread> workers;
    for (uint32_t index = 0; index < 2; ++index) {
        workers.emplace_back([&, index] {
            uint64_t last = 0;
            while (!stop) {
                const uint64_t number = publication.enter_round(index).number();
                if (number < last) ++backwards;
                last = number;
                std::this_thread::yield();
            }
        });
    }
    for (uint64_t number = 1; number <= 2000; ++number) {
        ASSERT_TRUE(publication.publish(generation(number, 1, 0, alive)));
        ASSERT_EQ(alive, 1);
    }
    stop = true;
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(backwards, 0u);
}

TEST(Publication, KeepsTheOldWhileAWorkerIsStuck) {
    std::atomic<int> alive{0};
    Publication publication(1, 1);
    const auto stuck = publication.publish(generation(1, 1, 0, alive));
    ASSERT_FALSE(stuck);
    EXPECT_NE(stuck.error().message.find("worker 0 did not come to rest"), std::string::npos)
        << stuck.error().message;
    EXPECT_EQ(publication.number(), 1u);
    publication.enter_round(0);
    EXPECT_FALSE(publication.publish(generation(1, 1, 0, alive))) << "numbers must rise";
    std::thread worker([&] {
        while (publication.enter_round(0).number() < 2) std::this_thread::yield();
    });
    EXPECT_TRUE(publication.publish(generation(2, 1, 0, alive)));
    worker.join();
    EXPECT_EQ(alive, 1);
}

}  // namespace
}  // namespace weir::dataplane
