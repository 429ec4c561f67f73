#include "maps/region.h"

#include <gtest/gtest.h>

namespace weir::maps {
namespace {

TEST(Region, SmallOnesAreZeroedPages) {
    const Result<Region> region = Region::take(1, "m");
    ASSERT_TRUE(region.has_value());
    EXPECT_EQ(region->bytes(), 4096u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % 4096, 0u);
    for (uint64_t i = 0; i < region->bytes(); ++i) ASSERT_EQ(region->data()[i], 0);
}

TEST(Region, LargeOnesAreAlignedForHugePages) {
    const Result<Region> region = Region::take((2u << 20) + 1, "m");
    ASSERT_TRUE(region.has_value());
    EXPECT_EQ(region->bytes(), 4u << 20);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % (2u << 20), 0u);
    region->data()[region->bytes() - 1] = 1;
}

TEST(Region, RefusesMoreThanTheBound) {
    const Result<Region> region = Region::take(kMapBytesMax + 1, "flows");
    ASSERT_FALSE(region.has_value());
    EXPECT_EQ(region.error().kind, ErrorKind::kResource);
    EXPECT_EQ(region.error().message,
              "map flows: would take 17179869185 bytes of memory, at most 17179869184 are allowed; "
              "lower max_entries or the "
              "value size");
}

TEST(Region, MovingHandsTheMemoryOver) {
    Result<Region> region = Region::take(100, "m");
    ASSERT_TRUE(region.has_value());
    uint8_t* data = region->data();
    Region other = std::move(*region);
    EXPECT_EQ(other.data(), data);
    EXPECT_EQ(region->data(), nullptr);
    Region third;
    third = std::move(other);
    EXPECT_EQ(third.data(), data);
}

}  // namespace
}  // namespace weir::maps
