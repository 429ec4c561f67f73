#include "controlplane/telemetry/type_bytes.h"

#include <gtest/gtest.h>

#include "controlplane/deploy/sha256.h"
#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane {
namespace {

/// Hex of the bytes, or the message.
std::string put(const vm::TypeRef& type, const char* json, size_t bytes, const char* path = "v") {
    Bytes raw(bytes);
    const Result<void> done = from_json(type, Json::parse(json), raw, path);
    return done ? to_hex(raw) : done.error().message;
}

TEST(TypeBytes, MembersHaveNamesAndNetworkTypesTheirOrder) {
    EXPECT_EQ(put(flow_type(), R"({"saddr":"192.0.2.1","port":80,"protocol":"udp"})", 8),
              "c000020100501100");
    EXPECT_EQ(put(flow_type(), R"({"protocol":6,"port":"80","saddr":3221225985})", 8),
              "c000020100500600");
    EXPECT_EQ(put(limit_type(), R"({"rate":1000,"burst":-2,"marks":[1,2]})", 8),
              "e8030000feff0102");
}

TEST(TypeBytes, IsTheReverseOfToJson) {
    for (const char* hex : {"c000020100501100", "0000000000000000", "ffffffffffffff00"}) {
        Bytes raw;
        ASSERT_TRUE(from_hex(hex, raw));
        EXPECT_EQ(put(flow_type(), to_json(flow_type(), raw).dump().c_str(), 8),
                  std::string(hex).substr(0, 14) + "00");
        EXPECT_EQ(put(limit_type(), to_json(limit_type(), raw).dump().c_str(), 8), hex);
    }
}

TEST(TypeBytes, SaysMemberValueAndRange) {
    EXPECT_EQ(put(limit_type(), R"({"rate":4294967296,"burst":1,"marks":[1,2]})", 8),
              "v.rate: value 4294967296, expected 0 to 4294967295 (__u32)");
    EXPECT_EQ(put(limit_type(), R"({"rate":1,"burst":-32769,"marks":[1,2]})", 8),
              "v.burst: value -32769, expected -32768 to 32767 (__s16)");
    EXPECT_EQ(put(limit_type(), R"({"rate":1.5,"burst":1,"marks":[1,2]})", 8),
              "v.rate: value 1.5, expected 0 to 4294967295 (__u32)");
    EXPECT_EQ(put(limit_type(), R"({"rate":1,"burst":1,"marks":[1,256]})", 8),
              "v.marks[1]: value 256, expected 0 to 255 (__u8)");
    EXPECT_EQ(put(limit_type(), R"({"rate":1,"burst":1,"marks":[1]})", 8),
              "v.marks: value [1], expected a list of 2 __u8");
    EXPECT_EQ(put(flow_type(), R"({"saddr":"192.0.2","port":1,"protocol":6})", 8),
              "v.saddr: value \"192.0.2\", expected an IPv4 address or 0 to 4294967295 (__be32)");
    EXPECT_EQ(put(limit_type(), "[1]", 8),
              "v: value [1], expected an object with the members of limit");
}

TEST(TypeBytes, UnknownAndMissingMembersAreSaid) {
    EXPECT_EQ(put(limit_type(), R"({"rat":1,"burst":1,"marks":[1,2]})", 8),
              "v: unknown member 'rat', did you mean 'rate'?");
    EXPECT_EQ(put(limit_type(), R"({"something":1})", 8),
              "v: unknown member 'something', expected rate, burst, marks");
    EXPECT_EQ(put(limit_type(), R"({"rate":1,"marks":[1,2]})", 8),
              "v: member 'burst' is missing, expected every member of limit");
    EXPECT_EQ(put(flow_type(), R"({"saddr":1,"port":1,"protocol":"tpc"})", 8),
              "v.protocol: value \"tpc\", expected protocol: did you mean 'tcp'?");
}

TEST(TypeBytes, BitFieldsStayInTheirBits) {
    const vm::TypeRef type = struct_type(
        "bits", 1, {{"low", 0, 3, int_type("__u8", 1)}, {"high", 3, 5, int_type("__u8", 1)}});
    EXPECT_EQ(put(type, R"({"low":3,"high":21})", 1), "ab");
    EXPECT_EQ(put(type, R"({"low":8,"high":0})", 1), "v.low: value 8, expected 0 to 7 (3 bits)");
}

TEST(TypeBytes, UnionsTakeOneMemberOrSeveralThatAgree) {
    const vm::TypeRef type =
        make_type({vm::TypeKind::Union,
                   "either",
                   4,
                   false,
                   0,
                   nullptr,
                   {{"whole", 0, 0, int_type("__u32", 4)}, {"half", 0, 0, int_type("__u16", 2)}},
                   {}});
    EXPECT_EQ(put(type, R"({"whole":65538})", 4), "02000100");
    EXPECT_EQ(put(type, R"({"half":2})", 4), "02000000");
    EXPECT_EQ(put(type, R"({"whole":65538,"half":2})", 4), "02000100");
    EXPECT_EQ(put(type, R"({"whole":65538,"half":3})", 4),
              "v: 'whole' and 'half' share their bytes and differ, expected one of them");
    EXPECT_EQ(put(type, "{}", 4), "v: expected one member of the union");
}

TEST(TypeBytes, AnonymousMembersAreTheirStructsOwn) {
    const vm::TypeRef inner =
        struct_type("", 4, {{"a", 0, 0, int_type("__u16", 2)}, {"b", 16, 0, int_type("__u16", 2)}});
    const vm::TypeRef outer = struct_type("outer", 4, {{"", 0, 0, inner}});
    EXPECT_EQ(put(outer, R"({"a":1,"b":2})", 4), "01000200");
    EXPECT_EQ(put(outer, R"({"a":1})", 4),
              "v: member 'b' is missing, expected every member of 4 bytes");
    EXPECT_EQ(put(outer, R"({"a":1,"c":2})", 4), "v: unknown member 'c', did you mean 'a'?");
}

TEST(TypeBytes, AddressesTextsAndLocks) {
    const vm::TypeRef in6 =
        struct_type("in6_addr", 16, {{"bytes", 0, 0, array_type(int_type("__u8", 1), 16)}});
    EXPECT_EQ(put(in6, "\"2001:db8::1\"", 16), "20010db8000000000000000000000001");
    EXPECT_EQ(put(in6, "\"192.0.2.1\"", 16), "v: value \"192.0.2.1\", expected an IPv6 address");
    EXPECT_EQ(put(array_type(int_type("__u8", 1), 6), "\"02:00:00:00:00:0a\"", 6), "02000000000a");
    const vm::TypeRef letter = make_type({vm::TypeKind::Char, "char", 1, true, 0, nullptr, {}, {}});
    EXPECT_EQ(put(array_type(letter, 4), "\"ab\"", 4), "61620000");
    EXPECT_EQ(put(array_type(letter, 4), "\"abcde\"", 4),
              "v: value \"abcde\", expected a text of at most 4 bytes");
    const vm::TypeRef lock = struct_type("bpf_spin_lock", 4, {{"val", 0, 0, int_type("__u32", 4)}});
    const vm::TypeRef locked =
        struct_type("locked", 8, {{"lock", 0, 0, lock}, {"count", 32, 0, int_type("__u32", 4)}});
    EXPECT_EQ(put(locked, R"({"count":7})", 8), "0000000007000000");
}

TEST(TypeBytes, WithoutATypeNumbersAndHexFitTheSize) {
    EXPECT_EQ(put(nullptr, "258", 2), "0201");
    EXPECT_EQ(put(nullptr, "\"0x0102\"", 2), "0102");
    EXPECT_EQ(put(nullptr, "65536", 2),
              "v: value 65536, expected a number of 2 bytes or \"0x\" and 4 hex digits");
    EXPECT_EQ(put(nullptr, "\"0x010\"", 2),
              "v: value \"0x010\", expected a number of 2 bytes or \"0x\" and 4 hex digits");
    EXPECT_EQ(put(nullptr, "1", 12), "v: value 1, expected \"0x\" and 24 hex digits");
}

}  // namespace
}  // namespace weir::controlplane
