#include "maps/lru_shards.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace weir::maps {
namespace {

/// Remembers what was evicted; keeps some elements.
class Evictor final : public LruEvictor {
public:
    bool evict(uint32_t element) override {
        if (kept.contains(element)) return false;
        evicted.push_back(element);
        return true;
    }
    void expect(uint32_t, uint32_t) override {}
    std::set<uint32_t> kept;
    std::vector<uint32_t> evicted;
};

std::unique_ptr<LruShards> make_lists(uint32_t elements, uint32_t cpus, bool common,
                                      uint32_t spares = 0) {
    MapMemory memory("m");
    auto lists = LruShards::create(
        {.elements = elements, .spares = spares, .cpus = cpus, .common = common}, memory);
    EXPECT_TRUE(lists.has_value());
    return std::move(*lists);
}

TEST(LruShards, EveryElementIsTakenBeforeAnyIsEvicted) {
    const auto lists = make_lists(100, 1, true);
    Evictor evictor;
    std::set<uint32_t> taken;
    for (uint32_t i = 0; i < 100; ++i) taken.insert(lists->take(0, evictor));
    EXPECT_EQ(taken.size(), 100u);
    EXPECT_TRUE(evictor.evicted.empty());
    EXPECT_NE(lists->take(0, evictor), kNoElement);
    EXPECT_FALSE(evictor.evicted.empty());
}

TEST(LruShards, MarkedElementsGetAnotherChance) {
    const auto lists = make_lists(10, 1, true);
    Evictor evictor;
    const uint32_t used = lists->take(0, evictor);
    for (uint32_t i = 0; i < 200; ++i) {
        lists->mark(used);
        ASSERT_NE(lists->take(0, evictor), used) << i;
    }
}

TEST(LruShards, WhatIsGivenBackIsTakenFirst) {
    const auto lists = make_lists(10, 1, true);  // a batch is half of them
    Evictor evictor;
    std::vector<uint32_t> taken;
    for (uint32_t i = 0; i < 5; ++i) taken.push_back(lists->take(0, evictor));
    lists->give_back(taken[4]);
    EXPECT_EQ(lists->take(0, evictor), taken[4]);
    EXPECT_TRUE(evictor.evicted.empty());
}

TEST(LruShards, NothingIsTakenWhereNothingMayGo) {
    for (const bool common : {true, false}) {
        const auto lists = make_lists(2, 2, common);
        Evictor evictor;
        for (const uint32_t cpu : {0u, 1u}) evictor.kept.insert(lists->take(cpu, evictor));
        EXPECT_EQ(lists->take(0, evictor), kNoElement);
        EXPECT_EQ(evictor.kept.size(), 2u);
    }
}

TEST(LruShards, ACpuStealsWhatOthersHold) {
    const auto lists = make_lists(8, 2, true);
    Evictor evictor;
    std::set<uint32_t> taken;
    for (uint32_t i = 0; i < 8; ++i) taken.insert(lists->take(i % 2, evictor));
    for (uint32_t i = 0; i < 8; ++i) ASSERT_NE(lists->take(0, evictor), kNoElement);
    EXPECT_EQ(taken.size(), 8u);
}

/// As if the holder of a shard's lock had lost its core: runs something while it is held.
class InterruptedEvictor final : public LruEvictor {
public:
    explicit InterruptedEvictor(std::function<void()> interrupt)
        : interrupt_(std::move(interrupt)) {}
    bool evict(uint32_t element) override {
        if (!std::exchange(done_, true)) interrupt_();
        return !kept.contains(element);
    }
    void expect(uint32_t, uint32_t) override {}
    std::set<uint32_t> kept;

private:
    std::function<void()> interrupt_;
    bool done_ = false;
};

TEST(LruShards, ACpuWhoseLockIsHeldGoesAnotherWay) {
    for (const bool common : {true, false}) {
        const auto lists = make_lists(64, 1, common);
        Evictor evictor;
        std::set<uint32_t> all;
        for (uint32_t i = 0; i < 64; ++i) all.insert(lists->take(0, evictor));
        uint32_t taken = kNoElement;
        InterruptedEvictor interrupted([&] { taken = lists->take(0, evictor); });
        interrupted.kept = all;  // it is about to evict one and then finds that it has gone
        lists->take(0, interrupted);
        EXPECT_TRUE(all.contains(taken)) << common;
        EXPECT_EQ(evictor.evicted, std::vector<uint32_t>{taken});
    }
}

TEST(LruShards, WhatIsGivenBackWhileTheLockIsHeldIsNotLost) {
    const auto lists = make_lists(4, 1, true);
    Evictor evictor;
    std::vector<uint32_t> all;
    for (uint32_t i = 0; i < 4; ++i) all.push_back(lists->take(0, evictor));
    evictor.kept.insert(all.begin(), all.end());
    InterruptedEvictor interrupted([&] { lists->give_back(all[1]); });
    interrupted.kept = evictor.kept;
    const uint32_t first = lists->take(0, interrupted);
    EXPECT_EQ(first, all[1]) << "free, though it could not leave its list";
    EXPECT_EQ(lists->take(0, evictor), kNoElement) << "once";
}

TEST(LruShards, AnElementIsLentWhereAllAreOnTheirWay) {
    for (const bool common : {true, false}) {
        const auto lists = make_lists(2, 2, common, 2);
        Evictor evictor;
        evictor.kept = {2, 3};  // nobody has inserted these
        for (const uint32_t cpu : {0u, 1u}) evictor.kept.insert(lists->take(cpu, evictor));
        EXPECT_FALSE(lists->has_loans());
        std::set<uint32_t> spares;
        for (const uint32_t cpu : {0u, 1u}) spares.insert(lists->take(cpu, evictor));
        EXPECT_EQ(spares, (std::set<uint32_t>{2, 3}));
        EXPECT_TRUE(lists->has_loans());
        EXPECT_EQ(lists->take(0, evictor), kNoElement);
        // The first two are in the table now, and may go.
        evictor.kept = {2, 3};
        for (const uint32_t cpu : {0u, 1u, 0u, 1u}) lists->repay(cpu, evictor);
        EXPECT_FALSE(lists->has_loans());
        EXPECT_EQ(evictor.evicted.size(), 2u);
    }
}

TEST(LruShards, ALentElementIsRepaidByTheNextThatIsGivenBack) {
    const auto lists = make_lists(1, 2, true, 1);
    Evictor evictor;
    evictor.kept = {1};
    const uint32_t own = lists->take(0, evictor);
    evictor.kept.insert(own);
    EXPECT_EQ(lists->take(1, evictor), 1u);
    ASSERT_TRUE(lists->has_loans());
    lists->give_back(own);
    EXPECT_FALSE(lists->has_loans());
    EXPECT_EQ(lists->take(0, evictor), own) << "as a spare again";
    EXPECT_TRUE(lists->has_loans());
}

TEST(LruShards, AnIdleBatchGoesToOthers) {
    const auto lists = make_lists(64, 2, true);  // batches of 16
    Evictor evictor;
    lists->take(1, evictor);
    std::set<uint32_t> taken;
    for (uint32_t i = 0; i < 64 + 4 * 33; ++i) taken.insert(lists->take(0, evictor));
    EXPECT_EQ(taken.size(), 64u) << "the batch, and the one that was taken";
}

}  // namespace
}  // namespace weir::maps
