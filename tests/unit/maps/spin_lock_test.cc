#include "maps/spin_lock.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::maps {
namespace {

TEST(SpinLock, AWorkerGivesUpOnAControlThread) {
    SpinLock lock;
    ASSERT_TRUE(lock.acquire(Side::Control));
    EXPECT_FALSE(lock.acquire(Side::Program));
    lock.release();
    EXPECT_TRUE(lock.acquire(Side::Program));
}

/// Longer than it would wait for a control thread.
TEST(SpinLock, AWorkerWaitsForAWorker) {
    SpinLock lock;
    ASSERT_TRUE(lock.acquire(Side::Program));
    bool was_held = false;
    std::thread other([&] {
        ASSERT_TRUE(lock.acquire(Side::Program));
        was_held = true;
        lock.release();
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_FALSE(was_held);
    lock.release();
    other.join();
    EXPECT_TRUE(was_held);
}

TEST(SpinLock, TheControlSideWaitsForBoth) {
    for (const Side holder : {Side::Program, Side::Control}) {
        SpinLock lock;
        ASSERT_TRUE(lock.acquire(holder));
        bool was_held = false;
        std::thread other([&] { was_held = lock.acquire(Side::Control); });
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        lock.release();
        other.join();
        EXPECT_TRUE(was_held);
    }
}

TEST(SpinLock, ATryDoesNotWait) {
    SpinLock lock;
    ASSERT_TRUE(lock.try_acquire(Side::Program, 1));
    EXPECT_FALSE(lock.try_acquire(Side::Program, 1));
    EXPECT_FALSE(lock.try_acquire(Side::Control, 100));
}

}  // namespace
}  // namespace weir::maps
