// Results and refusals: bpf_trace_printk of Linux 6.18 with the same formats.

#include <cerrno>
#include <chrono>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

struct Printed {
    int64_t result;
    std::string line;
};

void keep_line(void* opaque, const char* text, uint32_t length) {
    static_cast<std::string*>(opaque)->assign(text, length);
}

Printed print(const char* format, uint64_t r3 = 0, uint64_t r4 = 0, uint64_t r5 = 0) {
    Frame frame(60);
    Printed printed{};
    frame.env.printk = keep_line;
    frame.env.printk_opaque = &printed.line;
    printed.result = frame.call_plain(6, number_of(format), std::strlen(format) + 1, r3, r4, r5);
    return printed;
}

TEST(TracePrintk, FormatsNumbersByTheirWidths) {
    const Printed mixed = print("hello %d %u %llx", offset_of(-5), 7, 0xabcdefabcdef);
    EXPECT_EQ(mixed.line, "hello -5 7 abcdefabcdef");
    EXPECT_EQ(mixed.result, 23);
    EXPECT_EQ(print("%+d% d%lX", 3, 4, 0xabc).line, "+3 4ABC");
    EXPECT_EQ(print("%d %x", 0xffff'ffff'ffff'fffe, 0x1'0000'0001).line, "-2 1");
    EXPECT_EQ(print("%ld|%5d|%-5d", offset_of(-1), 2, 3).line, "-1|    2|3    ");
    EXPECT_EQ(print("%05x%c%%", 0x1f, 'A').line, "0001fA%");
    EXPECT_EQ(print("%d%%", 3).result, 2);
}

TEST(TracePrintk, CutsTheLineButCountsAllOfIt) {
    const Printed wide = print("%3000d", 3);
    EXPECT_EQ(wide.result, 3000);
    EXPECT_EQ(wide.line.size(), 1023u);
}

TEST(TracePrintk, PadsNoMoreThanTheLine) {
    constexpr const char* kWidest = "%8388607d%-8388607x%08388607llu";
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(print(kWidest, 1, 2, 3).result, 3 * 8388607);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    EXPECT_EQ(print("%1024d", 12).line, std::string(1022, ' ') + "1");
    EXPECT_EQ(print("%1025d", 12).line, std::string(1023, ' '));
    EXPECT_EQ(print("%-9999dx", 12).line, "12" + std::string(1021, ' '));
}

TEST(TracePrintk, CountsTheSameWhereNobodyListens) {
    for (const char* format : {"%8388607d", "%5d|%-3x|%c", "%d%%%+d", "%p\n", "%lld %llu %llx"}) {
        Frame frame(60);
        const auto counted = frame.call_plain(6, number_of(format), std::strlen(format) + 1,
                                              offset_of(-12345), 0x12345, 7);
        EXPECT_EQ(counted, print(format, offset_of(-12345), 0x12345, 7).result) << format;
        EXPECT_EQ(frame.env.printk_count, 1u);
    }
}

TEST(TracePrintk, TakesOneNewlineOffTheEnd) {
    EXPECT_EQ(print("a\tb\n").result, 4);
    EXPECT_EQ(print("a\tb\n").line, "a\tb");
}

TEST(TracePrintk, HidesPointers) {
    const Printed pointers = print("%p %px", 0x7fff12345678, 0x7fff12345678);
    EXPECT_EQ(pointers.result, 33);
    EXPECT_EQ(pointers.line.substr(0, 16), pointers.line.substr(17));
    EXPECT_EQ(pointers.line.substr(0, 8), "00000000");
    EXPECT_EQ(pointers.line.find("12345678"), std::string::npos);
}

TEST(TracePrintk, RefusesWhatTheKernelRefuses) {
    for (const char* format :
         {"%f", "%d %d %d %d", "%", "a\x01", "%+d% d%lx%hx", "%lc", "%5c|%p4%", "\x80"})
        EXPECT_EQ(print(format, 65, 4, 3).result, -EINVAL) << format;
}

TEST(TracePrintk, FollowsNoPointerThatTheProgramMayNotRead) {
    EXPECT_EQ(print("[%s]", 1).line, "[]");
    EXPECT_EQ(print("[%pks%5s]", 1).line, "[     ]");
    EXPECT_EQ(print("%pI4 %pi4", 1, 1).line, "0.0.0.0 000.000.000.000");
    EXPECT_EQ(print("%pi6", 1).line, std::string(32, '0'));
}

TEST(TracePrintk, NeedsTheEndOfTheFormatInsideItsSize) {
    Frame frame(60);
    EXPECT_EQ(frame.call_plain(6, number_of("hello"), 5), -EINVAL);
    EXPECT_EQ(frame.call_plain(6, number_of("hello"), 6), 5);
    EXPECT_EQ(frame.env.printk_count, 1u);
}

TEST(TraceVprintk, TakesItsArgumentsFromMemory) {
    Frame frame(60);
    const std::array<uint64_t, 4> values{65, 2, 3, 0x1f};
    constexpr const char* kFormat = "%c|%5d|%-5d|%05x";
    std::string line;
    frame.env.printk = keep_line;
    frame.env.printk_opaque = &line;
    EXPECT_EQ(frame.call_plain(177, number_of(kFormat), 17, number_of(values.data()), 32), 19);
    EXPECT_EQ(line, "A|    2|3    |0001f");
    EXPECT_EQ(frame.call_plain(177, number_of(kFormat), 17, number_of(values.data()), 28), -EINVAL);
    EXPECT_EQ(frame.call_plain(177, number_of(kFormat), 17, 0, 32), -EINVAL);
    EXPECT_EQ(frame.call_plain(177, number_of(kFormat), 17, number_of(values.data()), 104),
              -EINVAL);
    EXPECT_EQ(frame.call_plain(177, number_of("x"), 2, 0, 0), 1);
}

}  // namespace
}  // namespace weir::vm
