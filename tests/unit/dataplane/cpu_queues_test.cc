#include "dataplane/cpu_queues.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::dataplane {
namespace {

TEST(CpuQueue, KeepsOrderBetweenTwoThreads) {
    constexpr uint32_t kMessages = 20'000, kBound = 1000;
    CpuQueue queue;
    std::thread reader([&] {
        CpuMessage message{};
        for (uint32_t wanted = 0; wanted < kMessages;) {
            if (!queue.take(message)) {
                std::this_thread::yield();
                continue;
            }
            ASSERT_EQ(message.key, wanted);
            ASSERT_EQ(message.port, wanted * 7);
            ++wanted;
        }
        EXPECT_FALSE(queue.take(message));
    });
    for (uint32_t number = 0; number < kMessages;) {
        ASSERT_LE(queue.waiting(), kBound);
        if (queue.waiting() == kBound) {
            std::this_thread::yield();
            continue;
        }
        queue.put({.packet = nullptr,
                   .map = 1,
                   .key = number,
                   .port = number * 7,
                   .queue = 0,
                   .meta_bytes = 0});
        ++number;
    }
    reader.join();
    EXPECT_EQ(queue.waiting(), 0u);
}

TEST(CpuQueue, HoldsAsManyAsACpumapMayAskFor) {
    CpuQueue queue;
    for (uint32_t number = 0; number < maps::kCpumapQueueMax; ++number) {
        ASSERT_EQ(queue.waiting(), number);
        queue.put(
            {.packet = nullptr, .map = 1, .key = number, .port = 0, .queue = 0, .meta_bytes = 0});
    }
    CpuMessage message{};
    EXPECT_FALSE(queue.put(message)) << "no room";
    for (uint32_t number = 0; number < maps::kCpumapQueueMax; ++number) {
        ASSERT_TRUE(queue.take(message));
        ASSERT_EQ(message.key, number);
    }
}

TEST(CpuQueues, AreOneForEachPairOfWorkers) {
    CpuQueues queues(3);
    for (uint32_t from = 0; from < 3; ++from)
        for (uint32_t to = 0; to < 3; ++to)
            queues.between(from, to).put({.packet = nullptr,
                                          .map = from,
                                          .key = to,
                                          .port = 0,
                                          .queue = 0,
                                          .meta_bytes = 0});
    for (uint32_t from = 0; from < 3; ++from)
        for (uint32_t to = 0; to < 3; ++to) {
            CpuMessage message{};
            ASSERT_TRUE(queues.between(from, to).take(message));
            EXPECT_EQ(message.map, from);
            EXPECT_EQ(message.key, to);
            EXPECT_FALSE(queues.between(from, to).take(message));
        }
}

}  // namespace
}  // namespace weir::dataplane
