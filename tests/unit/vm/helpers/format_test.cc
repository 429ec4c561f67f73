// Expected text and results: bpf_snprintf of Linux 6.18 with the same formats.

#include "vm/helpers/format.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kSnprintf = 165;

struct Printed {
    int64_t result;
    std::string text;
};

bool may_read_all(RunEnv&, uint64_t address, uint32_t) {
    return address >= 4096;
}

Printed print(const char* format, std::initializer_list<uint64_t> arguments) {
    Frame frame(60);
    frame.env.may_read = may_read_all;
    std::array<char, 64> buffer{};
    const int64_t result =
        frame.call_plain(kSnprintf, number_of(buffer.data()), buffer.size(), number_of(format),
                         number_of(std::data(arguments)), 8 * arguments.size());
    return {result, buffer.data()};
}

void expect(const char* format, std::initializer_list<uint64_t> arguments, int64_t result,
            const std::string& text) {
    const Printed printed = print(format, arguments);
    EXPECT_EQ(printed.result, result) << format;
    EXPECT_EQ(printed.text, text) << format;
}

constexpr uint64_t minus(uint64_t value) {
    return 0 - value;
}

TEST(FormatText, PrintsNumbers) {
    expect("%d|%5d|%-5d|%05d|%+d|% d", {minus(5), 7, 8, minus(9), 3, 4}, 27,
           "-5|    7|8    |-0009|+3| 4");
    expect("%ld|%lld|%lu|%llx|%lX", {minus(1), minus(2), minus(1), 0xabcdef12345, 0xabc}, 43,
           "-1|-2|18446744073709551615|abcdef12345|ABC");
    expect("%i|%u|%x|%X|%08x", {minus(1), minus(1), minus(1), 255, 255}, 35,
           "-1|4294967295|ffffffff|FF|000000ff");
    expect("%+x|% x|%+u|%-+5d|%+-05d|%0-5d|", {1, 2, 3, 4, 5, 6}, 25, "1|2|3|+4   |+5   |6    |");
    expect("%lx|%lld", {0x1ffffffff, 0x1ffffffff}, 21, "1ffffffff|8589934591");
    expect("%00005d|%-0 +5d|", {1, 2}, 13, "00001|+2   |");
    expect("100%%%d%%", {5}, 7, "100%5%");
    expect("%d", {5, 6}, 2, "5");
    expect("%c|%5c|%-5c|%05c|", {'A', 'B', 'C', 'D'}, 21, "A|    B|C    |    D|");
}

TEST(FormatText, PrintsPointers) {
    expect("%px|%20px|%-20px|", {0x1234, 0x1234, 0x1234}, 60,
           "0000000000001234|                1234|1234                |");
    expect("%ps|%pS|%pB|%12pB|%12ps|", {0x1234, 0x1234, 0x1234, 0x1234, 0x1234}, 42,
           "0x1234|0x1234|0x1234|0x1234|      0x1234|");
    expect("%p|%pK|%p|", {0, 0, minus(5)}, 52,
           "0000000000000000|0000000000000000|fffffffffffffffb|");
    const Printed hashed = print("%p", {0x1234});
    EXPECT_EQ(hashed.result, 17);
    EXPECT_EQ(hashed.text.substr(0, 8), "00000000");
    EXPECT_NE(hashed.text, "0000000000001234");
    EXPECT_EQ(hashed.text, print("%pK", {0x1234}).text);
}

TEST(FormatText, FollowsPointersThatTheProgramMayRead) {
    const uint64_t text = number_of("hello");
    const std::array<uint8_t, 4> v4{192, 0, 2, 7};
    const std::array<uint8_t, 16> v6{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const uint64_t ip4 = number_of(v4.data()), ip6 = number_of(v6.data());
    expect("%s|%8s|%-8s|%08s|", {text, text, text, text}, 34, "hello|   hello|hello   |   hello|");
    expect("%pI4|%pi4|%20pI4|", {ip4, ip4, ip4}, 37, "192.0.2.7|192.000.002.007|192.0.2.7|");
    expect("%pI6", {ip6}, 40, "2001:0db8:0000:0000:0000:0000:0000:0001");
    expect("%pi6", {ip6}, 33, "20010db8000000000000000000000001");
    expect("%pks %pus", {text, text}, 7, "hello ");
    expect("%s|%pI4|%pks|%pus|", {1, 1, 1, 1}, 12, "|0.0.0.0|||");
    expect("%s|%px|%ps", {0, 0, 0}, 22, "|0000000000000000|0x0");
    expect("%s%pB|", {text, 0x123456789}, 18, "hello0x123456789|");
}

TEST(FormatText, BoundsWhatArgumentsMayTake) {
    std::string big(599, 'a');
    const auto text = [&] { return number_of(big.c_str()); };
    EXPECT_EQ(print("%s", {text()}).result, 512);
    EXPECT_EQ(print("%s%d", {text(), 1}).result, -ENOSPC);
    EXPECT_EQ(print("%s%s", {text(), text()}).result, -ENOSPC);
    EXPECT_EQ(print("%s%c", {text(), 65}).result, -ENOSPC);
    big[508] = '\0';
    EXPECT_EQ(print("%s%d", {text(), 1}).result, -ENOSPC);
    big[507] = '\0';
    EXPECT_EQ(print("%s%d", {text(), 1}).result, 509);
}

TEST(Snprintf, CutsTheTextAndCountsAllOfIt) {
    expect("%60d|%60d", {1, 2}, 122, std::string(59, ' ') + "1|  ");
    Frame frame(60);
    std::array<char, 8> buffer;
    buffer.fill('z');
    EXPECT_EQ(frame.call_plain(kSnprintf, number_of(buffer.data()), 2, number_of("abc")), 4);
    EXPECT_EQ(std::string_view(buffer.data(), 4), std::string_view("a\0zz", 4));
    EXPECT_EQ(frame.call_plain(kSnprintf, number_of(buffer.data()), 1, number_of("abc")), 4);
    EXPECT_EQ(buffer[0], '\0');
    EXPECT_EQ(frame.call_plain(kSnprintf, 0, 0, number_of("abc")), 4);
}

TEST(Snprintf, LeavesTheBufferAloneWhenItRefuses) {
    expect("abc%f", {1}, -EINVAL, "");
    expect("%d%d", {1}, -EINVAL, "");
    expect("%s1", {number_of("x")}, -EINVAL, "");
    expect("%pI5", {1}, -EINVAL, "");
    const std::array<uint64_t, 13> values{};
    Frame frame(60);
    for (const uint64_t bytes : {12u, 104u})
        EXPECT_EQ(
            frame.call_plain(kSnprintf, 0, 0, number_of("x"), number_of(values.data()), bytes),
            -EINVAL);
    EXPECT_EQ(frame.call_plain(kSnprintf, 0, 0, number_of("x"), 0, 8), -EINVAL);
}

TEST(FormatText, HidesAddressesInWhatLeavesTheProgram) {
    RunEnv env;
    const std::array<uint64_t, 4> values{0x7fff12345678, 0x7fff12345678, 0x7fff12345678,
                                         0x7fff12345678};
    std::array<char, 128> out{};
    ASSERT_GT(format_text(out, "%px %ps %pS %pB", values, PointerText::Hidden, env), 0);
    EXPECT_EQ(std::string_view(out.data()).find("12345678"), std::string_view::npos);
}

}  // namespace
}  // namespace weir::vm
