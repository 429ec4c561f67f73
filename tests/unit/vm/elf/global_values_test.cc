#include "vm/elf/global_values.h"

#include <gtest/gtest.h>

#include "tests/unit/vm/elf/loaded_object.h"

namespace weir::vm {
namespace {

const std::string kObject = "loader/settable.clang-14.v3.o";

/// The value that `text` gives to `name`, a variable of .rodata unless said.
int64_t set(const std::string& name, const std::string& text,
            std::string_view section = ".rodata") {
    const ObjectSpec object = tests::load(kObject, {.globals = {{name, text}}});
    return tests::value_of(object, section, name);
}

std::string refusal(const std::string& name, const std::string& text) {
    return tests::error_of(kObject, {.globals = {{name, text}}});
}

/// Bytes of a variable.
Bytes bytes_after(const std::string& global, const std::string& text, std::string_view name) {
    const ObjectSpec object = tests::load(kObject, {.globals = {{global, text}}});
    const MapSpec* map = tests::map_named(object.maps, ".rodata");
    if (map == nullptr || !map->value_type) return {};
    const auto member = std::ranges::find(map->value_type->members, name, &TypeMember::name);
    if (member == map->value_type->members.end()) return {};
    const auto start = map->contents.begin() + member->bit_offset / 8;
    return {start, start + member->type->size_bytes};
}

TEST(GlobalValues, SetIntegersUpToTheirRange) {
    struct Case {
        const char* name;
        const char* least;
        const char* most;
        const char* beyond;
        int64_t least_value, most_value;
    };
    for (const Case& row :
         {Case{"a_u8", "0", "255", "256", 0, 255}, Case{"a_s8", "-128", "127", "128", 0x80, 127},
          Case{"a_u16", "0", "65535", "65536", 0, 65535},
          Case{"a_s16", "-32768", "32767", "-32769", 0x8000, 32767},
          Case{"a_u32", "0", "4294967295", "-1", 0, 4294967295},
          Case{"a_s32", "-2147483648", "2147483647", "2147483648", 0x80000000, 2147483647},
          Case{"a_u64", "0", "0x7fffffffffffffff", "18446744073709551616", 0, INT64_MAX},
          Case{"a_s64", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
               INT64_MIN, INT64_MAX}}) {
        EXPECT_EQ(set(row.name, row.least), row.least_value) << row.name;
        EXPECT_EQ(set(row.name, row.most), row.most_value) << row.name;
        EXPECT_NE(refusal(row.name, row.beyond), "") << row.name;
    }
    EXPECT_EQ(set("in_data", "77", ".data"), 77);
    EXPECT_EQ(set("in_bss", "0x10", ".bss"), 16);
    EXPECT_EQ(set("in_bss", "010", ".bss"), 8);
}

TEST(GlobalValues, SetOtherScalars) {
    EXPECT_EQ(set("a_bool", "false"), 0);
    EXPECT_EQ(set("a_char", "'z'"), 'z');
    EXPECT_EQ(set("an_enum", "OFF"), 0);
    EXPECT_EQ(static_cast<int32_t>(set("an_enum", "NEGATIVE")), -2);
    EXPECT_EQ(set("an_enum", "9"), 9);
    EXPECT_NE(refusal("a_bool", "2").find("no bool"), std::string::npos);
    EXPECT_NE(refusal("an_enum", "ONE").find("neither an enumerator of mode nor a number"),
              std::string::npos);
}

TEST(GlobalValues, SetArraysAndStructs) {
    EXPECT_EQ(bytes_after("an_address", "0x000102030405060708090a0b0c0d0e0f", "an_address"),
              (Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
    EXPECT_EQ(bytes_after("a_name", "\"eth0\"", "a_name"), (Bytes{'e', 't', 'h', '0', 0, 0, 0, 0}));
    EXPECT_EQ(bytes_after("numbers[1]", "9", "numbers"),
              (Bytes{1, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0}));
    const Bytes limits = bytes_after("limits[1].high", "7", "limits");
    ASSERT_EQ(limits.size(), 32u);
    EXPECT_EQ(limits[20], 7);
    EXPECT_EQ(limits[4], 2);
    EXPECT_EQ(bytes_after("limits[0].inner", "515", "limits")[9], 2) << "in an anonymous struct";
    EXPECT_EQ(bytes_after("limits[1].key", "0xaabbccdd", "limits")[16 + 10], 0xaa);
}

TEST(GlobalValues, SayWhatCannotBeSet) {
    EXPECT_NE(refusal("a_name", "\"too long\"").find("takes at most 7"), std::string::npos);
    EXPECT_NE(refusal("an_address", "0x00").find("needs 32"), std::string::npos);
    EXPECT_NE(refusal("an_address", "0x0001020304050607g8090a0b0c0d0e0f").find("hex"),
              std::string::npos);
    EXPECT_NE(refusal("numbers", "1").find("its bytes in hex"), std::string::npos);
    EXPECT_NE(refusal("numbers[3]", "1").find("element 3 of an array of 3"), std::string::npos);
    EXPECT_NE(refusal("limits.high", "1").find("has no member \"high\""), std::string::npos);
    EXPECT_NE(refusal("limits[0].bits", "1").find("bit field"), std::string::npos);
    EXPECT_NE(refusal("limits[0]high", "1").find("neither .MEMBER nor [INDEX]"), std::string::npos);
    EXPECT_NE(refusal("a_u8.x", "1").find("has no member"), std::string::npos);
    EXPECT_NE(refusal("fraction", "1").find("floating-point number \"double\""), std::string::npos);
    EXPECT_NE(refusal("place", "1").find("pointer"), std::string::npos);
    EXPECT_NE(refusal("nothing[0]", "1").find("no such variable"), std::string::npos);
}

}  // namespace
}  // namespace weir::vm
