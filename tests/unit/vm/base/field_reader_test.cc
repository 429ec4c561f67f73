#include "vm/base/field_reader.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(FieldReader, RemembersTheFirstWrongField) {
    const Bytes bytes{5, 0, 0, 0, 2, 9};
    ByteReader reader(bytes);
    FieldReader in(reader, "frame");
    EXPECT_EQ(in.number<uint32_t>("size", 5), 5u);
    EXPECT_FALSE(in.flag("last"));
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.raw<uint8_t>("other"), 0);
    EXPECT_EQ(in.error().error().message,
              "frame: field last at offset 4: 2 is above the limit of 1");
}

TEST(FieldReader, RefusesCountsThatTheInputCannotHold) {
    const Bytes bytes{3, 0, 0, 0, 1, 1, 1, 1};
    ByteReader reader(bytes);
    FieldReader in(reader, "frame");
    EXPECT_EQ(in.count("elements", 100, 2), 0u);
    EXPECT_EQ(in.error().error().message,
              "frame: field elements at offset 0: 3 elements do not fit into the 4 bytes left");
}

TEST(FieldReader, SaysWhereTheInputIsCut) {
    const Bytes bytes{3, 0};
    ByteReader reader(bytes);
    FieldReader in(reader, "frame");
    EXPECT_EQ(in.text("name", 10), "");
    EXPECT_EQ(in.error().error().message, "frame: field name at offset 0: cut short");
}

}  // namespace
}  // namespace weir
