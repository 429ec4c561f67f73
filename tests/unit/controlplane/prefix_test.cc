#include "controlplane/config/prefix.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

TEST(Prefix, ReadsBothFamiliesAndWritesThemBack) {
    for (const char* text :
         {"192.0.2.0/24", "0.0.0.0/0", "198.51.100.7/32", "2001:db8::/32", "::/0", "::1/128"})
        EXPECT_EQ(to_string(parse_prefix(text).value()), text);
    EXPECT_EQ(to_string(parse_prefix("192.0.2.1").value()), "192.0.2.1/32");
    EXPECT_EQ(to_string(parse_prefix("2001:db8::1").value()), "2001:db8::1/128");
}

TEST(Prefix, RefusesBitsBehindTheLength) {
    const Result<Prefix> strict = parse_prefix("192.0.2.129/25");
    ASSERT_FALSE(strict.has_value());
    EXPECT_EQ(strict.error().message, "no bits behind the prefix length: 192.0.2.128/25");
    EXPECT_EQ(to_string(parse_prefix_loosely("192.0.2.129/25").value()), "192.0.2.128/25");
}

TEST(Prefix, RefusesWhatIsNone) {
    for (const char* wrong : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2/24", "2001:db8::/129",
                              "x", "1.2.3.4/-1", "1.2.3.4/2x"})
        EXPECT_FALSE(parse_prefix(wrong).has_value()) << wrong;
}

TEST(Prefix, KeysOfLpmTriesHaveTheLengthInHostOrderInFront) {
    EXPECT_EQ(lpm_key(parse_prefix("192.0.2.0/24").value()), (Bytes{24, 0, 0, 0, 192, 0, 2, 0}));
    const Bytes key = lpm_key(parse_prefix("2001:db8::/32").value());
    ASSERT_EQ(key.size(), 20u);
    EXPECT_EQ(key[0], 32);
    EXPECT_EQ(key[4], 0x20);
    EXPECT_EQ(key[7], 0xb8);
}

}  // namespace
}  // namespace weir::controlplane
