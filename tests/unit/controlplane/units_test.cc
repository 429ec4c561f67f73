#include "controlplane/config/units.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

TEST(Units, SizesTakeBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_size_bytes("4096").value(), 4096u);
    EXPECT_EQ(parse_size_bytes("4096B").value(), 4096u);
    EXPECT_EQ(parse_size_bytes("64KiB").value(), 65'536u);
    EXPECT_EQ(parse_size_bytes("512MiB").value(), 512u << 20);
    EXPECT_EQ(parse_size_bytes("2GiB").value(), 2ull << 30);
    EXPECT_EQ(parse_size_bytes("1kB").value(), 1000u);
    for (const char* wrong : {"", "MiB", "5 MiB", "5mib", "-5MiB", "1.5GiB", "99999999999999TiB"})
        EXPECT_FALSE(parse_size_bytes(wrong).has_value()) << wrong;
}

TEST(Units, DurationsNeedAUnit) {
    EXPECT_EQ(parse_duration_ns("5s").value(), 5'000'000'000u);
    EXPECT_EQ(parse_duration_ns("250ms").value(), 250'000'000u);
    EXPECT_EQ(parse_duration_ns("2m").value(), 120'000'000'000u);
    for (const char* wrong : {"", "5", "5 s", "s", "5d"})
        EXPECT_FALSE(parse_duration_ns(wrong).has_value()) << wrong;
}

TEST(Units, PercentsEndAtAHundred) {
    EXPECT_EQ(parse_percent("0%").value(), 0u);
    EXPECT_EQ(parse_percent("100%").value(), 100u);
    for (const char* wrong : {"101%", "20", "%", "-1%"})
        EXPECT_FALSE(parse_percent(wrong).has_value()) << wrong;
}

TEST(Units, NumbersAreDecimalOrHex) {
    EXPECT_EQ(parse_number("0").value(), 0u);
    EXPECT_EQ(parse_number("0x10").value(), 16u);
    EXPECT_EQ(parse_number("18446744073709551615").value(), UINT64_MAX);
    for (const char* wrong : {"", "0x", "1a", " 1", "-1", "18446744073709551616"})
        EXPECT_FALSE(parse_number(wrong).has_value()) << wrong;
}

TEST(Units, CoreListsAreSortedAndUnique) {
    EXPECT_EQ(parse_core_list("2,3", 128).value(), (std::vector<uint32_t>{2, 3}));
    EXPECT_EQ(parse_core_list("4-6,0", 128).value(), (std::vector<uint32_t>{0, 4, 5, 6}));
    for (const char* wrong : {"", "a", "1,", ",1", "3-1", "1-", "1,1", "0-200", "4096", "1;2"})
        EXPECT_FALSE(parse_core_list(wrong, 128).has_value()) << wrong;
}

}  // namespace
}  // namespace weir::controlplane
