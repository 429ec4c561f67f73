#include "controlplane/telemetry/type_json.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

vm::TypeRef make(vm::TypeInfo info) {
    return std::make_shared<const vm::TypeInfo>(std::move(info));
}
vm::TypeRef number(uint32_t bytes, bool is_signed) {
    return make({vm::TypeKind::Int, "n", bytes, is_signed, 0, nullptr, {}, {}});
}

TEST(TypeJson, NumbersKeepTheirSign) {
    EXPECT_EQ(to_json(number(4, false), Bytes{0xff, 0xff, 0xff, 0xff}), 4294967295u);
    EXPECT_EQ(to_json(number(4, true), Bytes{0xff, 0xff, 0xff, 0xff}), -1);
    EXPECT_EQ(to_json(number(1, true), Bytes{0x80}), -128);
    EXPECT_EQ(to_json(number(8, false), Bytes{1, 0, 0, 0, 0, 0, 0, 1}), 72057594037927937u);
}

TEST(TypeJson, EnumeratorsHaveNames) {
    const vm::TypeRef type =
        make({vm::TypeKind::Enum, "e", 4, false, 0, nullptr, {}, {{"tcp", 6}, {"udp", 17}}});
    EXPECT_EQ(to_json(type, Bytes{17, 0, 0, 0}), "udp");
    EXPECT_EQ(to_json(type, Bytes{9, 0, 0, 0}), 9);
    EXPECT_EQ(to_word(type, Bytes{6, 0, 0, 0}), "tcp");
    EXPECT_EQ(to_word(type, Bytes{9, 0, 0, 0}), "9");
}

TEST(TypeJson, StructsArraysAndTexts) {
    const vm::TypeRef letter = make({vm::TypeKind::Char, "char", 1, true, 0, nullptr, {}, {}});
    const vm::TypeRef text = make({vm::TypeKind::Array, "", 4, false, 4, letter, {}, {}});
    const vm::TypeRef list = make({vm::TypeKind::Array, "", 4, false, 2, number(2, false), {}, {}});
    const vm::TypeRef whole = make({vm::TypeKind::Struct,
                                    "s",
                                    8,
                                    false,
                                    0,
                                    nullptr,
                                    {{"name", 0, 0, text}, {"list", 32, 0, list}},
                                    {}});
    EXPECT_EQ(to_json(whole, Bytes{'a', 'b', 0, 0, 1, 0, 2, 0}).dump(),
              R"({"name":"ab","list":[1,2]})");
    const MemberPlace place = find_member(whole, "list");
    EXPECT_TRUE(place.found);
    EXPECT_EQ(place.offset_bytes, 4u);
    EXPECT_FALSE(find_member(whole, "other").found);
}

TEST(TypeJson, BitFieldsAndAnonymousMembers) {
    const vm::TypeRef inner =
        make({vm::TypeKind::Struct,
              "",
              1,
              false,
              0,
              nullptr,
              {{"low", 0, 3, number(1, false)}, {"high", 3, 5, number(1, false)}},
              {}});
    const vm::TypeRef outer =
        make({vm::TypeKind::Struct, "o", 1, false, 0, nullptr, {{"", 0, 0, inner}}, {}});
    EXPECT_EQ(to_json(outer, Bytes{0b10101'011}).dump(), R"({"low":3,"high":21})");
}

TEST(TypeJson, WithoutATypeOrWithAnotherSizeItIsPlain) {
    EXPECT_EQ(to_json(nullptr, Bytes{1, 2}), 0x201);
    EXPECT_EQ(to_json(nullptr, Bytes{1, 2, 3}), "0x010203");
    EXPECT_EQ(to_json(number(4, false), Bytes{7}), 7);
    EXPECT_EQ(to_json(nullptr, Bytes{}), "0x");
}

}  // namespace
}  // namespace weir::controlplane
