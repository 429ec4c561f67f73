// Expected values: bpf_strtol, bpf_strtoul and bpf_strncmp of Linux 6.18 over the same bytes.

#include <cerrno>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

using namespace std::string_view_literals;

constexpr int64_t kStrtol = 105, kStrtoul = 106, kStrncmp = 182;

struct Case {
    std::string_view text;
    uint64_t flags;
    int64_t result;
    int64_t value;
};

void expect(int64_t id, const Case& c) {
    Frame frame(60);
    int64_t value = 77;
    EXPECT_EQ(
        frame.call_plain(id, number_of(c.text.data()), c.text.size(), c.flags, number_of(&value)),
        c.result)
        << c.text << " " << c.flags;
    EXPECT_EQ(value, c.value) << c.text << " " << c.flags;
}

TEST(Strtol, ReadsWhatTheKernelReads) {
    constexpr Case kCases[] = {
        {"  -0x1F,"sv, 0, 7, -31},
        {"  -0x1F,"sv, 16, 7, -31},
        {"  -0x1F,"sv, 10, 4, 0},
        {"999999999999999999"sv, 0, 18, 999999999999999999},
        {"-9223372036854775808"sv, 0, 20, INT64_MIN},
        {"0x"sv, 0, 1, 0},
        {"08"sv, 0, 1, 0},
        {"08"sv, 10, 2, 8},
        {"017"sv, 0, 3, 15},
        {"0"sv, 0, 1, 0},
        {"\xa0"
         "12"sv,
         0, 3, 12},
        {"0xg"sv, 0, 1, 0},
        {"0\0"sv, 0, 1, 0},
        {"\t\n\v\f\r 7x"sv, 0, 7, 7},
    };
    for (const Case& c : kCases) expect(kStrtol, c);
}

TEST(Strtol, RefusesWhatTheKernelRefuses) {
    constexpr Case kCases[] = {
        {"99999999999999999999"sv, 0, -ERANGE, 0},
        {"9223372036854775808"sv, 0, -ERANGE, 0},
        {"-9223372036854775809"sv, 0, -ERANGE, 0},
        {"-"sv, 0, -EINVAL, 0},
        {""sv, 0, -EINVAL, 0},
        {"   "sv, 0, -EINVAL, 0},
        {"0x"sv, 16, -EINVAL, 0},
        {"+5"sv, 0, -EINVAL, 0},
        {"0"sv, 7, -EINVAL, 0},
        {"0"sv, 0x20, -EINVAL, 0},
    };
    for (const Case& c : kCases) expect(kStrtol, c);
}

TEST(Strtoul, TakesNoSign) {
    constexpr Case kCases[] = {
        {"-5"sv, 0, -EINVAL, 0},
        {"18446744073709551615"sv, 0, 20, -1},
        {"18446744073709551616"sv, 0, -ERANGE, 0},
        {"0xffffffffffffffff"sv, 0, 18, -1},
        {"0000000000000000000000000000000000000000000000000000000000000000000012"sv, 10, 63, 0},
    };
    for (const Case& c : kCases) expect(kStrtoul, c);
}

TEST(Strncmp, EndsAtAZeroByteOrTheSize) {
    Frame frame(60);
    const auto compare = [&](std::string_view left, const char* right) {
        return frame.call_plain(kStrncmp, number_of(left.data()), left.size(), number_of(right));
    };
    EXPECT_EQ(compare("abc"sv, "abd"), -1);
    EXPECT_EQ(compare("abe"sv, "abd"), 1);
    EXPECT_EQ(compare("abc"sv, "abcy"), 0);
    EXPECT_EQ(compare("ab\0z"sv, "ab"), 0);
    EXPECT_EQ(compare("ab\0"sv, "abc"), -1);
    EXPECT_EQ(compare("\xff"sv, "a"), 1);
}

}  // namespace
}  // namespace weir::vm
