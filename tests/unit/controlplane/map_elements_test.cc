#include "controlplane/api/map_elements.h"

#include <gtest/gtest.h>

#include "controlplane/telemetry/stats_json.h"
#include "tests/unit/controlplane/typed_map.h"
#include "vm/program/map.h"

namespace weir::controlplane {
namespace {

using dataplane::api::Element;
using dataplane::api::MapInfo;

std::string refusal(const MapInfo& map, const std::vector<Element>& elements, uint64_t flags = 0) {
    const Result<void> fits = check_elements(map, elements, flags);
    return fits ? "accepted" : fits.error().message;
}

TEST(MapElements, SizesAreCheckedOfAllBeforeAny) {
    const MapInfo map = plain_map(4, 4);
    EXPECT_EQ(refusal(map, {{Bytes(4), Bytes(4)}, {Bytes(4), Bytes(4)}}), "accepted");
    EXPECT_EQ(refusal(map, {{Bytes(4), Bytes(4)}, {Bytes{1, 2, 3}, Bytes(4)}}),
              "map fw/plain: element 2 of 2, key 0x010203: the key has 3 bytes, expected 4");
    EXPECT_EQ(refusal(map, {{Bytes(4), Bytes(5)}}),
              "map fw/plain: element 1 of 1, key 0x00000000: the value has 5 bytes, expected 4");
    EXPECT_EQ(
        refusal(plain_map(4, 4, vm::MapType::PercpuHash, 3), {{Bytes(4), Bytes(16)}}),
        "map fw/plain: element 1 of 1, key 0x00000000: the value has 16 bytes, expected 4 or, "
        "for 3 CPUs, 24");
    EXPECT_EQ(
        refusal(plain_map(4, 4, vm::MapType::Array), {{Bytes{100, 0, 0, 0}, Bytes(4)}}),
        "map fw/plain: element 1 of 1, key 0x64000000: the index is 100, expected at most 99");
    EXPECT_EQ(refusal(plain_map(8, 4, vm::MapType::LpmTrie), {{Bytes(8, 0xff), Bytes(4)}}),
              "map fw/plain: element 1 of 1, key 0xffffffffffffffff: the prefix length is "
              "4294967295, expected at most 32");
}

TEST(MapElements, ClosedMapsAndMissingLocksAreSaid) {
    MapInfo map = plain_map(4, 4);
    EXPECT_EQ(refusal(map, {}, vm::kUpdateLock),
              "map fw/plain: its values have no bpf_spin_lock to take (BPF_F_LOCK)");
    map.spec.spin_lock_offset = 0;
    EXPECT_EQ(refusal(map, {}, vm::kUpdateLock), "accepted");
    map.spec.flags = vm::kMapRdonly;
    EXPECT_EQ(refusal(map, {}),
              "map fw/plain: it is read-only for the control side (BPF_F_RDONLY)");
    map.spec.frozen = true;
    EXPECT_EQ(refusal(map, {}),
              "map fw/plain: its contents are frozen, expected a map that may change");
}

TEST(MapElements, RecordsAreWhole) {
    const MapInfo map = plain_map(4, 2, vm::MapType::PercpuHash, 2);
    EXPECT_EQ(record_bytes(map, Slots::One), 6u);
    EXPECT_EQ(record_bytes(map, Slots::Each), 20u);
    EXPECT_TRUE(check_records(map, std::string(12, 'x'), Slots::One));
    EXPECT_TRUE(check_records(map, "", Slots::One));
    EXPECT_EQ(
        check_records(map, std::string(13, 'x'), Slots::One).error().message,
        "map fw/plain: the body has 13 bytes, expected a multiple of 6: records of 4 bytes of "
        "key and 2 of value");
    std::string body;
    append_record({Bytes{1, 2, 3, 4}, Bytes{5, 6}}, body);
    append_record({Bytes{7, 8, 9, 10}, Bytes{11, 12}}, body);
    const std::vector<Element> elements = read_records(map, body, Slots::One);
    ASSERT_EQ(elements.size(), 2u);
    EXPECT_EQ(elements[1].first, (Bytes{7, 8, 9, 10}));
    EXPECT_EQ(elements[1].second, (Bytes{11, 12}));
    EXPECT_EQ(read_keys(map, "abcdefgh").value().size(), 2u);
    EXPECT_EQ(read_keys(map, "abcde").error().message,
              "map fw/plain: the body has 5 bytes, expected a multiple of 4: keys");
    EXPECT_FALSE(read_keys(plain_map(0, 4, vm::MapType::Queue), ""));
}

TEST(MapElements, JsonNamesTheElementThatIsWrong) {
    EXPECT_EQ(json_elements(Json::parse(R"({"elements":[["01","0203"]]})")).value()[0].second,
              (Bytes{2, 3}));
    for (const char* wrong :
         {R"({"elements":[["00","00"],["0","00"]]})", R"({"elements":[["00","00"],["0g","00"]]})",
          R"({"elements":[["00","00"],["00"]]})", R"({"elements":[["00","00"],[1,2]]})",
          R"({"elements":[["00","00"],7]})"})
        EXPECT_TRUE(json_elements(Json::parse(wrong))
                        .error()
                        .message.starts_with("body: 'elements'[1]: value "))
            << wrong;
    EXPECT_EQ(json_elements(Json::parse("{}")).error().message,
              "body: 'elements': expected a list");
    EXPECT_EQ(json_keys(Json::parse(R"({"keys":["00","abc"]})")).error().message,
              "body: 'keys'[1]: value \"abc\", expected \"KEYHEX\", two digits a byte");
}

TEST(MapElements, WhatANodeSaysOfAMapIsReadBack) {
    const MapInfo map = typed_map(vm::MapType::PercpuHash, 2);
    const Result<MapInfo> read = read_map_json(Json::parse(map_details_json(map, {}).dump()));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(map_details_json(*read, {})["key_type"], map_details_json(map, {})["key_type"]);
    EXPECT_EQ(control_value_bytes(*read), 16u);
    EXPECT_FALSE(read_map_json(Json::parse("{}")));
    EXPECT_FALSE(read_map_json(Json::parse(R"({"name":7})")));
}

TEST(MapElements, SumsAddNumbersAndKeepWhatAgrees) {
    EXPECT_EQ(sum_json(Json::parse(R"({"n":1,"list":[1,2],"name":"a","other":"x"})"),
                       Json::parse(R"({"n":2,"list":[3,4],"name":"a","other":"y"})"))
                  .dump(),
              R"({"n":3,"list":[4,6],"name":"a","other":null})");
    EXPECT_EQ(sum_json(Json(-1), Json(3u)), 2);
    EXPECT_EQ(sum_json(Json(UINT64_MAX), Json(1u)), 0u);
}

}  // namespace
}  // namespace weir::controlplane
