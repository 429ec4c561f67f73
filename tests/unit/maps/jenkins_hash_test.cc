#include "maps/jenkins_hash.h"

#include <gtest/gtest.h>

#include <string_view>

namespace weir::maps {
namespace {

/// From the self test in lookup3.c (driver5).
TEST(JenkinsHash, GivesTheNumbersOfItsAuthor) {
    const std::string_view text = "Four score and seven years ago";
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
    EXPECT_EQ(jenkins_hash(bytes, text.size(), 0), 0x17770551u);
    EXPECT_EQ(jenkins_hash(bytes, text.size(), 1), 0xcd628161u);
    EXPECT_EQ(jenkins_hash(nullptr, 0, 0), 0xdeadbeefu);
    EXPECT_EQ(jenkins_hash(nullptr, 0, 0xdeadbeef), 0xbd5b7ddeu);
}

TEST(JenkinsHash, DependsOnEveryByte) {
    uint8_t bytes[40] = {};
    for (size_t count = 1; count <= sizeof bytes; ++count) {
        const uint32_t zeroes = jenkins_hash(bytes, count, 7);
        for (size_t i = 0; i < count; ++i) {
            bytes[i] = 1;
            EXPECT_NE(jenkins_hash(bytes, count, 7), zeroes) << i << " of " << count;
            bytes[i] = 0;
        }
    }
}

}  // namespace
}  // namespace weir::maps
