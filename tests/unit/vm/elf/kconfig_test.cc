#include "vm/elf/kconfig.h"

#include <gtest/gtest.h>

namespace weir::vm::elf {
namespace {

const TypeInfo kBool{.kind = TypeKind::Bool, .name = "bool", .size_bytes = 1};
const TypeInfo kChar{.kind = TypeKind::Char, .name = "char", .size_bytes = 1};
const TypeInfo kTristate{.kind = TypeKind::Enum, .name = "libbpf_tristate", .size_bytes = 4};
const TypeInfo kS16{.kind = TypeKind::Int, .name = "short", .size_bytes = 2, .is_signed = true};
const TypeInfo kU16{.kind = TypeKind::Int, .name = "unsigned short", .size_bytes = 2};
const TypeInfo kU8{.kind = TypeKind::Int, .name = "unsigned char", .size_bytes = 1};
const TypeInfo kU64{.kind = TypeKind::Int, .name = "unsigned long", .size_bytes = 8};

TypeInfo text_of(uint32_t bytes) {
    return {.kind = TypeKind::Array,
            .size_bytes = bytes,
            .element_count = bytes,
            .element = std::make_shared<const TypeInfo>(kChar)};
}

Bytes value(const TypeInfo& type, std::string_view text) {
    const auto bytes = kconfig_value(type, text);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes ? *bytes : Bytes{};
}

std::string error_of(const TypeInfo& type, std::string_view text) {
    const auto bytes = kconfig_value(type, text);
    return bytes ? "" : bytes.error().message;
}

TEST(Kconfig, TakesYesNoAndModule) {
    EXPECT_EQ(value(kBool, "y"), Bytes{1});
    EXPECT_EQ(value(kBool, "n"), Bytes{0});
    EXPECT_EQ(value(kTristate, "y"), (Bytes{1, 0, 0, 0}));
    EXPECT_EQ(value(kTristate, "m"), (Bytes{2, 0, 0, 0}));
    EXPECT_EQ(value(kTristate, "n"), (Bytes{0, 0, 0, 0}));
    EXPECT_EQ(value(kChar, "m"), Bytes{'m'});
    EXPECT_NE(error_of(kBool, "m").find("is m"), std::string::npos);
    EXPECT_NE(error_of(kU64, "y").find("is y"), std::string::npos);
}

TEST(Kconfig, TakesNumbersThatFit) {
    EXPECT_EQ(value(kU16, "65535"), (Bytes{0xff, 0xff}));
    EXPECT_EQ(value(kS16, "-2"), (Bytes{0xfe, 0xff}));
    EXPECT_EQ(value(kU64, "0x123456789abcdef0"),
              (Bytes{0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12}));
    EXPECT_EQ(value(kU16, "010"), (Bytes{8, 0}));
    EXPECT_NE(error_of(kU16, "65536").find("does not fit 2 bytes"), std::string::npos);
    EXPECT_NE(error_of(kS16, "32768").find("does not fit"), std::string::npos);
    EXPECT_NE(error_of(kU16, "1x").find("no number"), std::string::npos);
    EXPECT_NE(error_of(kU16, "").find("no number"), std::string::npos);
    EXPECT_NE(error_of(kBool, "1").find("integer type"), std::string::npos);
    EXPECT_NE(error_of(kTristate, "1").find("integer type"), std::string::npos);
}

TEST(Kconfig, CutsTextToItsArray) {
    EXPECT_EQ(value(text_of(6), "\"ab\""), (Bytes{'a', 'b', 0, 0, 0, 0}));
    EXPECT_EQ(value(text_of(3), "\"abcd\""), (Bytes{'a', 'b', 0}));
    EXPECT_NE(error_of(kU16, "\"ab\"").find("array of char"), std::string::npos);
    EXPECT_NE(error_of(text_of(4), "\"").find("closing quote"), std::string::npos);
}

TEST(Kconfig, PutsTextIntoArraysOfSingleBytesOnly) {
    TypeInfo empty = text_of(4);
    empty.size_bytes = 0;
    EXPECT_NE(error_of(empty, "\"ab\"").find("array of char"), std::string::npos);
    TypeInfo wide = text_of(4);
    wide.element = std::make_shared<const TypeInfo>(kU16);
    EXPECT_NE(error_of(wide, "\"ab\"").find("array of char"), std::string::npos);
    TypeInfo wide_chars = text_of(4);
    wide_chars.size_bytes = 32;
    EXPECT_NE(error_of(wide_chars, "\"ab\"").find("array of char"), std::string::npos);
    TypeInfo bytes = text_of(4);
    bytes.element = std::make_shared<const TypeInfo>(kU8);
    EXPECT_EQ(value(bytes, "\"ab\""), (Bytes{'a', 'b', 0, 0}));
    TypeInfo yes_or_no = text_of(4);
    yes_or_no.element = std::make_shared<const TypeInfo>(kBool);
    EXPECT_NE(error_of(yes_or_no, "\"ab\"").find("array of char"), std::string::npos);
}

}  // namespace
}  // namespace weir::vm::elf
