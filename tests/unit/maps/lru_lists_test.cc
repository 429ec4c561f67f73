#include "maps/lru_lists.h"

#include <gtest/gtest.h>

#include <set>
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
    std::set<uint32_t> kept;
    std::vector<uint32_t> evicted;
};

LruLists make_lists(uint32_t elements, uint32_t cpus, bool common) {
    MapMemory memory("m");
    auto lists = LruLists::create(elements, cpus, common, memory);
    EXPECT_TRUE(lists.has_value());
    return std::move(*lists);
}

TEST(LruLists, EveryElementIsTakenBeforeAnyIsEvicted) {
    LruLists lists = make_lists(100, 1, true);
    Evictor evictor;
    std::set<uint32_t> taken;
    for (uint32_t i = 0; i < 100; ++i) taken.insert(lists.take(0, evictor));
    EXPECT_EQ(taken.size(), 100u);
    EXPECT_TRUE(evictor.evicted.empty());
    EXPECT_NE(lists.take(0, evictor), kNoElement);
    EXPECT_FALSE(evictor.evicted.empty());
}

TEST(LruLists, MarkedElementsGetAnotherChance) {
    LruLists lists = make_lists(10, 1, true);
    Evictor evictor;
    const uint32_t used = lists.take(0, evictor);
    for (uint32_t i = 0; i < 200; ++i) {
        lists.mark(used);
        ASSERT_NE(lists.take(0, evictor), used) << i;
    }
}

TEST(LruLists, WhatIsGivenBackIsTakenFirst) {
    LruLists lists = make_lists(10, 1, true);  // a batch is half of them
    Evictor evictor;
    std::vector<uint32_t> taken;
    for (uint32_t i = 0; i < 5; ++i) taken.push_back(lists.take(0, evictor));
    lists.give_back(taken[4]);
    EXPECT_EQ(lists.take(0, evictor), taken[4]);
    EXPECT_TRUE(evictor.evicted.empty());
}

TEST(LruLists, NothingIsTakenWhereNothingMayGo) {
    for (const bool common : {true, false}) {
        LruLists lists = make_lists(2, 2, common);
        Evictor evictor;
        for (const uint32_t cpu : {0u, 1u}) evictor.kept.insert(lists.take(cpu, evictor));
        EXPECT_EQ(lists.take(0, evictor), kNoElement);
        EXPECT_EQ(evictor.kept.size(), 2u);
    }
}

TEST(LruLists, ACpuStealsWhatOthersHold) {
    LruLists lists = make_lists(8, 2, true);
    Evictor evictor;
    std::set<uint32_t> taken;
    for (uint32_t i = 0; i < 8; ++i) taken.insert(lists.take(i % 2, evictor));
    for (uint32_t i = 0; i < 8; ++i) ASSERT_NE(lists.take(0, evictor), kNoElement);
    EXPECT_EQ(taken.size(), 8u);
}

}  // namespace
}  // namespace weir::maps
