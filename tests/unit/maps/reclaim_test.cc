#include "maps/reclaim.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weir::maps {
namespace {

void wait_until(const std::atomic<int>& stage, int value) {
    while (stage.load() < value) std::this_thread::yield();
}

TEST(Reclaim, WithoutReadersAGracePeriodIsOverAtOnce) {
    EXPECT_TRUE(grace_passed(begin_grace()));
    EXPECT_TRUE(wait_for_readers());
}

TEST(Reclaim, AnOnlineReaderHoldsItUpUntilItIsQuiescent) {
    std::atomic<int> stage{0};
    std::thread reader([&] {
        reader_register();
        stage = 1;
        wait_until(stage, 2);
        reader_quiescent();
        stage = 3;
        wait_until(stage, 4);
        reader_unregister();
    });
    wait_until(stage, 1);
    const GraceToken token = begin_grace();
    EXPECT_FALSE(grace_passed(token));
    EXPECT_FALSE(wait_for_readers(20));
    stage = 2;
    wait_until(stage, 3);
    EXPECT_TRUE(grace_passed(token));
    EXPECT_FALSE(grace_passed(begin_grace())) << "a later one begins anew";
    stage = 4;
    reader.join();
    EXPECT_TRUE(wait_for_readers());
}

TEST(Reclaim, AnOfflineOrEndedReaderHoldsNobodyUp) {
    std::atomic<int> stage{0};
    std::thread reader([&] {
        reader_register();
        reader_offline();
        stage = 1;
        wait_until(stage, 2);
        reader_online();
        stage = 3;
        wait_until(stage, 4);
        // ends without unregistering
    });
    wait_until(stage, 1);
    EXPECT_TRUE(grace_passed(begin_grace()));
    stage = 2;
    wait_until(stage, 3);
    const GraceToken token = begin_grace();
    EXPECT_FALSE(grace_passed(token));
    stage = 4;
    reader.join();
    EXPECT_TRUE(grace_passed(token));
}

TEST(Reclaim, ScopesNestInsideABurst) {
    reader_register();
    {
        const ReaderScope scope;
        EXPECT_TRUE(reader_is_online());
    }
    EXPECT_TRUE(reader_is_online());
    reader_offline();
    {
        const ReaderScope scope;
        EXPECT_TRUE(reader_is_online());
    }
    EXPECT_FALSE(reader_is_online());
    reader_unregister();
}

TEST(Reclaim, DeferredObjectsAreFreedAfterReadersMovedOn) {
    static std::atomic<int> freed;
    freed = 0;
    std::atomic<int> stage{0};
    std::thread reader([&] {
        reader_register();
        stage = 1;
        wait_until(stage, 2);
    });
    wait_until(stage, 1);
    int object = 0;
    defer_free(&object, [](void*) { ++freed; });
    EXPECT_EQ(reclaim_deferred(), 1u);
    EXPECT_EQ(freed, 0);
    stage = 2;
    reader.join();
    EXPECT_EQ(reclaim_deferred(), 0u);
    EXPECT_EQ(freed, 1);
}

TEST(Reclaim, NoMoreThanTheBoundWait) {
    static std::atomic<uint32_t> freed;
    freed = 0;
    std::atomic<bool> stop{false};
    std::thread reader([&] {
        reader_register();
        while (!stop) reader_quiescent();
    });
    int object = 0;
    for (uint32_t i = 0; i < kDeferredMax * 3; ++i) {
        defer_free(&object, [](void*) { ++freed; });
        EXPECT_LE(i + 1 - freed, kDeferredMax);
    }
    stop = true;
    reader.join();
    EXPECT_EQ(reclaim_deferred(), 0u);
    EXPECT_EQ(freed, kDeferredMax * 3);
}

/// The whole point: memory that a reader can still reach is never overwritten.
TEST(Reclaim, ReadersNeverSeeReusedMemory) {
    struct Object {
        std::atomic<uint64_t> a{1}, b{1};
    };
    std::vector<Object> pool(4);
    std::atomic<Object*> current{&pool[0]};
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> torn{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            reader_register();
            while (!stop) {
                const Object* object = current.load(std::memory_order_acquire);
                const uint64_t a = object->a.load(std::memory_order_relaxed);
                for (int spin = 0; spin < 20; ++spin)
                    torn += object->b.load(std::memory_order_relaxed) != a;
                reader_quiescent();
                if (a % 64 == 0) {
                    reader_offline();
                    std::this_thread::yield();
                    reader_online();
                }
            }
        });
    }
    for (uint64_t version = 2; version < 2'000; ++version) {
        Object& next = pool[version % pool.size()];  // three retired ones are always older
        next.a.store(version, std::memory_order_relaxed);
        next.b.store(version, std::memory_order_relaxed);
        current.store(&next, std::memory_order_release);
        ASSERT_TRUE(wait_for_readers());
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(torn, 0u);
}

}  // namespace
}  // namespace weir::maps
