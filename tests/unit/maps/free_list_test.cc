#include "maps/free_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

namespace weir::maps {
namespace {

struct Links {
    std::vector<uint32_t> words;
    explicit Links(uint32_t count) : words(count) {}
    FreeLinks view() { return {reinterpret_cast<uint8_t*>(words.data()), sizeof(uint32_t)}; }
};

TEST(FreeList, GivesEachElementOnceAndThenNone) {
    for (const uint32_t threads : {1u, 3u, 100u}) {
        Links links(52);
        FreeList list(links.view(), 2, 50, threads);
        std::set<uint32_t> seen;
        for (int i = 0; i < 50; ++i) EXPECT_TRUE(seen.insert(list.take()).second);
        EXPECT_EQ(*seen.begin(), 2u);
        EXPECT_EQ(*seen.rbegin(), 51u);
        EXPECT_EQ(list.take(), kNoElement);
        list.give_back(7);
        EXPECT_EQ(list.take(), 7u);
        EXPECT_EQ(list.take(), kNoElement);
    }
}

TEST(FreeList, AnotherThreadFindsWhatOneGaveBack) {
    Links links(1);
    FreeList list(links.view(), 0, 1, 8);
    EXPECT_EQ(list.take(), 0u);
    std::thread([&] { list.give_back(0); }).join();
    EXPECT_EQ(list.take(), 0u);
}

TEST(FreeList, NoElementIsLostOrDoubledUnderContention) {
    constexpr uint32_t kElements = 64, kThreads = 4, kRounds = 50'000;
    Links links(kElements);
    FreeList list(links.view(), 0, kElements, kThreads);
    std::vector<std::atomic<int>> owners(kElements);
    std::atomic<bool> doubled{false};
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (uint32_t round = 0; round < kRounds; ++round) {
                const uint32_t element = list.take();
                if (element == kNoElement) continue;
                if (owners[element].fetch_add(1) != 0) doubled = true;
                owners[element].fetch_sub(1);
                list.give_back(element);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(doubled);
    uint32_t left = 0;
    while (list.take() != kNoElement) ++left;
    EXPECT_EQ(left, kElements);
}

TEST(ShardedCounter, SumsWhatThreadsAdd) {
    ShardedCounter counter;
    counter.add(5);
    std::thread([&] { counter.add(-7); }).join();
    EXPECT_EQ(counter.sum(), -2);
}

}  // namespace
}  // namespace weir::maps
