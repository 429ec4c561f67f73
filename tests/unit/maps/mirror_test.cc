#include "maps/mirror.h"

#include <gtest/gtest.h>

#include <cstring>

#include "maps/region.h"

namespace weir::maps {
namespace {

TEST(Mirror, ShowsTheSameBytesTwice) {
    const Result<Mirror> mirror = Mirror::take(3 * kPageBytes, "m");
    ASSERT_TRUE(mirror.has_value());
    uint8_t* const base = mirror->data();
    EXPECT_EQ(mirror->bytes(), 3 * kPageBytes);
    for (uint64_t i = 0; i < 2 * mirror->bytes(); i += 512) ASSERT_EQ(base[i], 0);
    std::memcpy(base + mirror->bytes() - 4, "over the", 8);
    EXPECT_EQ(std::memcmp(base, " the", 4), 0);
    EXPECT_EQ(std::memcmp(base + mirror->bytes(), " the", 4), 0);
}

TEST(Mirror, RefusesMoreThanTheBound) {
    const Result<Mirror> mirror = Mirror::take(kMapBytesMax + kPageBytes, "m");
    ASSERT_FALSE(mirror.has_value());
    EXPECT_EQ(mirror.error().kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace weir::maps
