#include "vm/base/bytes.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

/// Not inlined: g++ 12 warns wrongly of an overflow where it sees through several writes at once.
template <typename T>
[[gnu::noipa]] void put(ByteWriter& writer, T value) {
    writer.write(value);
}

TEST(ByteReader, GivesBackWhatTheWriterWrote) {
    ByteWriter writer;
    put<uint16_t>(writer, 0x1234);
    writer.write_string("abc");
    put<int64_t>(writer, -5);
    const Bytes bytes = writer.take();
    ASSERT_EQ(bytes.size(), 2u + 4 + 3 + 8);
    EXPECT_EQ(bytes[0], 0x34);
    ByteReader reader(bytes);
    EXPECT_EQ(reader.read<uint16_t>(), 0x1234);
    EXPECT_EQ(reader.read_string(3), "abc");
    EXPECT_EQ(reader.read<int64_t>(), -5);
    EXPECT_TRUE(reader.finished());
}

TEST(ByteReader, StaysFailedAfterAReadPastTheEnd) {
    const Bytes bytes{1, 2, 3};
    ByteReader reader(bytes);
    EXPECT_FALSE(reader.read<uint32_t>());
    EXPECT_TRUE(reader.failed());
    EXPECT_FALSE(reader.read<uint8_t>());
    EXPECT_EQ(reader.remaining(), 0u);
    EXPECT_FALSE(reader.finished());
}

TEST(ByteReader, RefusesALengthAboveItsBound) {
    ByteWriter writer;
    writer.write_string("abcd");
    const Bytes bytes = writer.take();
    ByteReader reader(bytes);
    EXPECT_FALSE(reader.read_string(3));
    EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace weir
