#include "dataplane/capture/ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "dataplane/capture/lane_counts.h"

namespace weir::dataplane::capture {
namespace {

constexpr uint32_t kBytes = 4096;
constexpr uint32_t kSharedBytes = 1u << 16;  ///< two threads take turns seldom

/// A record whose every byte behind the header is `number`.
bool put(RecordRing& ring, uint64_t number, uint32_t captured_bytes) {
    RecordHeader header;
    header.bytes = record_bytes(0, captured_bytes);
    header.is_packet = 1;
    header.packet_id = number;
    header.captured_bytes = captured_bytes;
    uint8_t* const room = ring.reserve(header.bytes);
    if (room == nullptr) return false;
    std::memcpy(room, &header, sizeof header);
    std::memset(room + sizeof header, static_cast<int>(number & 0xff), captured_bytes);
    ring.commit();
    return true;
}

bool is_whole(const RecordHeader& record) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&record) + sizeof record;
    for (uint32_t i = 0; i < record.captured_bytes; ++i)
        if (bytes[i] != static_cast<uint8_t>(record.packet_id)) return false;
    return true;
}

TEST(RecordRing, ShowsNothingBeforeTheCommit) {
    RecordRing ring(kBytes);
    const RecordHeader header{.bytes = record_bytes(0, 0), .is_packet = 1};
    std::memcpy(ring.reserve(header.bytes), &header, sizeof header);
    EXPECT_EQ(ring.peek(), nullptr);
    ring.commit();
    EXPECT_NE(ring.peek(), nullptr);
}

TEST(RecordRing, KeepsEveryRecordInOnePieceAroundItsEnd) {
    RecordRing ring(kBytes);
    for (uint64_t number = 0; number < 1000; ++number) {
        ASSERT_TRUE(put(ring, number, static_cast<uint32_t>(number * 37 % 900)));
        const RecordHeader* const record = ring.peek();
        ASSERT_NE(record, nullptr);
        EXPECT_EQ(record->packet_id, number);
        EXPECT_TRUE(is_whole(*record));
        ring.pop();
        EXPECT_EQ(ring.peek(), nullptr);
    }
}

TEST(RecordRing, RefusesWhatDoesNotFitAndTakesItOnceThereIsRoom) {
    RecordRing ring(kBytes);
    uint64_t count = 0;
    while (put(ring, count, 200)) ++count;
    EXPECT_EQ(count, kBytes / record_bytes(0, 200));
    ring.pop();
    EXPECT_TRUE(put(ring, count, 200));
    EXPECT_FALSE(put(ring, count, 200));
    EXPECT_EQ(ring.peek()->packet_id, 1u);
}

TEST(RecordRing, OneThreadWritesWhileAnotherReads) {
    constexpr uint64_t kRecords = 20'000;
    RecordRing ring(kSharedBytes);
    std::thread worker([&ring] {
        for (uint64_t number = 0; number < kRecords;) {
            if (put(ring, number, static_cast<uint32_t>(number * 31 % 400)))
                ++number;
            else
                std::this_thread::yield();
        }
    });
    uint64_t broken = 0;
    for (uint64_t number = 0; number < kRecords;) {
        const RecordHeader* const record = ring.peek();
        if (record == nullptr) {
            std::this_thread::yield();
            continue;
        }
        broken += record->packet_id != number || !is_whole(*record);
        ring.pop();
        ++number;
    }
    worker.join();
    EXPECT_EQ(broken, 0u);
    EXPECT_EQ(ring.peek(), nullptr);
}

TEST(LaneCounts, EveryReadIsOfOneMoment) {
    constexpr uint64_t kBursts = 50'000;
    LaneCounts counts;
    std::thread worker([&counts] {
        for (uint64_t burst = 0; burst < kBursts; ++burst) {
            counts.own().matched += 3;
            counts.own().taken += 1 + burst % 2;
            counts.own().refused += 2 - burst % 2;
            counts.publish();
        }
    });
    uint64_t wrong = 0;
    for (Counts seen; seen.matched < 3 * kBursts;) {
        seen = counts.read();
        wrong += seen.taken + seen.refused != seen.matched;
    }
    worker.join();
    EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace weir::dataplane::capture
