#include "maps/event_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "vm/base/bytes.h"

namespace weir::maps {
namespace {

std::unique_ptr<EventRing> make_ring(uint64_t bytes = 4096) {
    auto ring = EventRing::create(bytes, "m");
    EXPECT_TRUE(ring.has_value());
    return std::move(*ring);
}

std::vector<Bytes> drain(EventRing& ring) {
    std::vector<Bytes> records;
    ring.drain(
        [](void* opaque, std::span<const uint8_t> record) {
            static_cast<std::vector<Bytes>*>(opaque)->emplace_back(record.begin(), record.end());
        },
        &records);
    return records;
}

uint8_t* write(EventRing& ring, uint8_t fill, uint64_t bytes) {
    uint8_t* const record = ring.reserve(bytes);
    if (record != nullptr) std::memset(record, fill, bytes);
    return record;
}

TEST(EventRing, HandsOutRecordsInOrderOnce) {
    const auto ring = make_ring();
    for (uint8_t i = 1; i <= 3; ++i) EventRing::commit(write(*ring, i, i), false);
    EXPECT_EQ(ring->producer_position(), 3 * 16u);
    EXPECT_EQ(drain(*ring), (std::vector<Bytes>{{1}, {2, 2}, {3, 3, 3}}));
    EXPECT_EQ(ring->consumer_position(), ring->producer_position());
    EXPECT_TRUE(drain(*ring).empty());
}

TEST(EventRing, WaitsForTheFirstThatIsNotGivenBack) {
    const auto ring = make_ring();
    uint8_t* const first = write(*ring, 1, 1);
    uint8_t* const second = write(*ring, 2, 1);
    uint8_t* const third = write(*ring, 3, 1);
    EventRing::commit(third, false);
    EXPECT_TRUE(drain(*ring).empty());
    EventRing::commit(first, true);
    EXPECT_TRUE(drain(*ring).empty()) << "discarded, and the second is still busy";
    EXPECT_EQ(ring->consumer_position(), 16u);
    EventRing::commit(second, false);
    EXPECT_EQ(drain(*ring), (std::vector<Bytes>{{2}, {3}}));
}

TEST(EventRing, CountsWhatDoesNotFit) {
    const auto ring = make_ring();
    EXPECT_EQ(ring->reserve(4096 - 8 + 1), nullptr) << "never";
    EXPECT_EQ(ring->reserve(4096 - 8), nullptr) << "one byte stays free";
    EXPECT_EQ(ring->reserve(UINT64_MAX), nullptr);
    uint8_t* const record = ring->reserve(4096 - 16);
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(ring->reserve(0), nullptr) << "full";
    EXPECT_EQ(ring->lost(), 4u);
    EventRing::commit(record, true);
    drain(*ring);
    EXPECT_NE(ring->reserve(0), nullptr);
}

TEST(EventRing, RecordsThatRunOverTheEndAreWhole) {
    const auto ring = make_ring();
    for (uint32_t round = 0; round < 100; ++round) {
        const auto fill = static_cast<uint8_t>(round);
        EventRing::commit(write(*ring, fill, 1000), false);
        ASSERT_EQ(drain(*ring), std::vector<Bytes>{Bytes(1000, fill)}) << round;
    }
    EXPECT_EQ(ring->lost(), 0u);
}

}  // namespace
}  // namespace weir::maps
