#include "controlplane/cli/element_text.h"

#include <gtest/gtest.h>

#include "controlplane/deploy/sha256.h"
#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

/// Hex of what the word means, or why it means nothing.
std::string key_text(std::string_view word, const MapInfo& map = typed_map()) {
    const Result<Bytes> key = parse_key(word, map);
    return key ? to_hex(*key) : key.error().message;
}
std::string value_text(std::string_view word, const MapInfo& map = typed_map()) {
    const Result<Bytes> value = parse_value(word, map);
    return value ? to_hex(*value) : value.error().message;
}

TEST(ElementText, KeysAreAddressesWhereTheirSizeFits) {
    EXPECT_EQ(parse_key("192.0.2.1", plain_map(4, 4)).value(), (Bytes{192, 0, 2, 1}));
    EXPECT_EQ(parse_key("192.0.2.0/24", plain_map(8, 4, vm::MapType::LpmTrie)).value(),
              (Bytes{24, 0, 0, 0, 192, 0, 2, 0}));
    EXPECT_EQ(parse_key("192.0.2.1", plain_map(8, 4)).value(), (Bytes{32, 0, 0, 0, 192, 0, 2, 1}));
    EXPECT_EQ(parse_key("::1", plain_map(16, 4)).value()[15], 1);
    EXPECT_EQ(parse_key("2001:db8::/32", plain_map(20, 4)).value()[0], 32);
    EXPECT_FALSE(parse_key("192.0.2.1", plain_map(16, 4)).has_value());
    EXPECT_FALSE(parse_key("192.0.2.0/24", plain_map(4, 4)).has_value());
    EXPECT_FALSE(parse_key("192.0.2.1", plain_map(6, 4)).has_value());
}

TEST(ElementText, KeysAreNumbersInHostOrderOrHexInMemoryOrder) {
    EXPECT_EQ(parse_key("258", plain_map(4, 4)).value(), (Bytes{2, 1, 0, 0}));
    EXPECT_EQ(parse_key("0x01020304", plain_map(4, 4)).value(), (Bytes{1, 2, 3, 4}));
    EXPECT_EQ(parse_key("7", plain_map(12, 4)).value(),
              (Bytes{7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    for (const char* wrong : {"", "x", "0x", "0x010203", "4294967296", "1 2"})
        EXPECT_FALSE(parse_key(wrong, plain_map(4, 4)).has_value()) << wrong;
}

TEST(ElementText, ValuesFitTheMap) {
    EXPECT_EQ(parse_value("1", plain_map(4, 8)).value(), (Bytes{1, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(parse_value("-1", plain_map(4, 2)).value(), (Bytes{0xff, 0xff}));
    EXPECT_FALSE(parse_value("256", plain_map(4, 1)).has_value());
    EXPECT_FALSE(parse_value("0x01", plain_map(4, 2)).has_value());
    EXPECT_FALSE(parse_value("-129", plain_map(4, 1)).has_value());
    EXPECT_EQ(value_text("-128", plain_map(4, 1)), "80");
    EXPECT_EQ(value_text("-9223372036854775808", plain_map(4, 8)), "0000000000000080");
    EXPECT_FALSE(parse_value("-9223372036854775809", plain_map(4, 8)).has_value());
    EXPECT_FALSE(parse_value("18446744073709551616", plain_map(4, 8)).has_value());
}

TEST(ElementText, PerCpuValuesAreForEverySlotOrOneEach) {
    const MapInfo map = plain_map(4, 4, vm::MapType::PercpuHash, 2);
    EXPECT_EQ(value_text("7", map), "07000000000000000700000000000000");
    EXPECT_EQ(value_text("0x01020304", map), "01020304000000000102030400000000");
    EXPECT_EQ(value_text("0x01020304000000000506070800000000", map),
              "01020304000000000506070800000000");
    EXPECT_EQ(value_text("[1,2]", map), "01000000000000000200000000000000");
    EXPECT_EQ(value_text("[1,2,3]", map),
              "value: value '[1,2,3]', expected a list of 2 values, one a CPU");
}

TEST(ElementText, JsonIsReadByType) {
    EXPECT_EQ(key_text(R"({"saddr":"192.0.2.1","port":80,"protocol":"tcp"})"), "c000020100500600");
    EXPECT_EQ(value_text(R"({"rate":1000,"burst":20,"marks":[0,0]})"), "e803000014000000");
    EXPECT_EQ(key_text(R"({"saddr":"192.0.2.1","prt":80,"protocol":6})"),
              "key: unknown member 'prt', did you mean 'port'?");
    EXPECT_EQ(value_text(R"({"rate":-1,"burst":20,"marks":[0,0]})"),
              "value.rate: value -1, expected 0 to 4294967295 (__u32)");
    EXPECT_EQ(key_text(R"({"saddr")"),
              R"(key: value '{"saddr"', expected JSON, it is wrong from byte 9 on)");
}

TEST(ElementText, WordsThatATypeKnows) {
    MapInfo map = plain_map(4, 2);
    map.spec.key_type = make_type(
        {vm::TypeKind::Enum, "reason", 4, false, 0, nullptr, {}, {{"blocked", 3}, {"broken", 4}}});
    map.spec.value_type = int_type("__be16", 2);
    EXPECT_EQ(key_text("broken", map), "04000000");
    EXPECT_EQ(key_text("3", map), "03000000");
    EXPECT_EQ(key_text("blockd", map),
              "key: value \"blockd\", expected reason: did you mean 'blocked'?");
    EXPECT_EQ(value_text("80", map), "5000") << "a bare decimal is in host order";
    EXPECT_EQ(value_text("0x5000", map), "5000");
}

TEST(ElementText, AnAddressIsNoKeyOfAStructThatHasNone) {
    EXPECT_EQ(key_text("10.0.0.1"),
              "key: value \"10.0.0.1\", expected an object with the members of flow");
}

TEST(ElementText, KeysLieInTheMapsRange) {
    EXPECT_EQ(key_text("0x2100000000000000", plain_map(8, 4, vm::MapType::LpmTrie)),
              "key: value '0x2100000000000000': the prefix length is 33, expected at most 32");
    EXPECT_EQ(key_text("100", plain_map(4, 4, vm::MapType::Array)),
              "key: value '100': the index is 100, expected at most 99");
    EXPECT_EQ(key_text("99", plain_map(4, 4, vm::MapType::Array)), "63000000");
}

TEST(ElementText, MapsWithoutKeysTakeADash) {
    EXPECT_EQ(parse_key("-", plain_map(0, 4, vm::MapType::Queue)).value(), Bytes());
    EXPECT_FALSE(parse_key("0", plain_map(0, 4, vm::MapType::Queue)).has_value());
}

}  // namespace
}  // namespace weir::controlplane::cli
