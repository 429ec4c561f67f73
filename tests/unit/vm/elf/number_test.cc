#include "vm/elf/number.h"

#include <gtest/gtest.h>

namespace weir::vm::elf {
namespace {

TEST(Number, IsReadAsCWritesIt) {
    EXPECT_EQ(parse_number("0")->magnitude, 0u);
    EXPECT_EQ(parse_number("17")->magnitude, 17u);
    EXPECT_EQ(parse_number("0x1F")->magnitude, 31u);
    EXPECT_EQ(parse_number("0X1f")->magnitude, 31u);
    EXPECT_EQ(parse_number("017")->magnitude, 15u);
    EXPECT_EQ(parse_number("18446744073709551615")->magnitude, UINT64_MAX);
    EXPECT_TRUE(parse_number("0xff")->is_hex);
    EXPECT_FALSE(parse_number("077")->is_hex);
}

TEST(Number, MayHaveAMinusSign) {
    EXPECT_TRUE(parse_number("-5")->negative);
    EXPECT_EQ(parse_number("-5")->magnitude, 5u);
    EXPECT_EQ(parse_number("-5")->wrapped(), uint64_t{0} - 5);
    EXPECT_EQ(parse_number("-0x10")->wrapped(), uint64_t{0} - 16);
    EXPECT_EQ(parse_number("5")->wrapped(), 5u);
}

TEST(Number, RefusesWhatIsNone) {
    for (const char* text : {"", "-", "--1", "+1", "0x", "-0x", "0x-1", "1x", "08", "12 ", " 12",
                             "1e3", "18446744073709551616", "0x10000000000000000", "ff"})
        EXPECT_FALSE(parse_number(text)) << text;
}

}  // namespace
}  // namespace weir::vm::elf
