#include "vm/base/printable.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Printable, KeepsTextAsItIs) {
    for (const char* text : {"", "xdp_filter", "a b~!", "na\u00efve \u00a0 \u4e2d\u6587 \U0001f41d",
                             "\u07ff\u0800\uffff\U00010000\U0010ffff"})
        EXPECT_EQ(printable(text), text);
}

TEST(Printable, ReplacesWhatMovesTheCursor) {
    EXPECT_EQ(printable("a\nb\x1b[2J\r\t\x7f"), "a?b?[2J???");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
    EXPECT_EQ(printable("\u0080x\u009b31m\u009f"), "??x??31m??") << "C1";
    EXPECT_EQ(printable("\u2028\u2029\u202e\u2066\u200f\u061c"), std::string(5 * 3 + 2, '?'));
}

TEST(Printable, ReplacesBytesThatAreNoUtf8) {
    EXPECT_EQ(printable("\x9b\x33\x31m"), "?31m") << "a C1 of 8-bit terminals";
    EXPECT_EQ(printable("\xff\xfe a"), "?? a");
    EXPECT_EQ(printable("\xc3"), "?") << "cut";
    EXPECT_EQ(printable("\xe4\xb8"), "??") << "cut";
    EXPECT_EQ(printable("\xe4(b"), "?(b");
    EXPECT_EQ(printable("\xc0\x8a\xc1\x9b"), "????") << "a line feed in two bytes";
    EXPECT_EQ(printable("\xe0\x82\x9b"), "???") << "C1 in three bytes";
    EXPECT_EQ(printable("\xf0\x80\x82\x9b"), "????");
    EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "half a surrogate pair";
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "beyond the last character";
}

}  // namespace
}  // namespace weir
