#include "maps/words.h"

#include <gtest/gtest.h>

namespace weir::maps {
namespace {

TEST(Words, RoundUpToAMultiple) {
    EXPECT_EQ(round_up_to(0, 8), 0u);
    EXPECT_EQ(round_up_to(1, 8), 8u);
    EXPECT_EQ(round_up_to(16, 8), 16u);
}

TEST(Words, StoredBytesComeBackAndTheRestOfTheLastWordIsZero) {
    for (size_t bytes = 1; bytes <= 24; ++bytes) {
        alignas(8) uint8_t shared[32];
        std::memset(shared, 0xff, sizeof shared);
        uint8_t from[25], to[26];
        for (size_t i = 0; i < sizeof from; ++i) from[i] = static_cast<uint8_t>(i + 1);
        std::memset(to, 0xaa, sizeof to);
        store_words(shared, from + 1, bytes);  // from an odd address
        load_words(to + 1, shared, bytes);
        EXPECT_EQ(std::memcmp(to + 1, from + 1, bytes), 0) << bytes;
        EXPECT_EQ(to[1 + bytes], 0xaa) << "wrote past the end, " << bytes;
        for (size_t i = bytes; i < round_up_to(bytes, 8); ++i) EXPECT_EQ(shared[i], 0) << bytes;
        EXPECT_EQ(shared[round_up_to(bytes, 8)], 0xff) << bytes;
    }
}

TEST(Words, ZeroWordsClearsWholeWords) {
    alignas(8) uint8_t shared[24];
    std::memset(shared, 0xff, sizeof shared);
    zero_words(shared, 12);
    for (size_t i = 0; i < 16; ++i) EXPECT_EQ(shared[i], 0);
    EXPECT_EQ(shared[16], 0xff);
}

}  // namespace
}  // namespace weir::maps
