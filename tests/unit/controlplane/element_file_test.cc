#include "controlplane/cli/element_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "controlplane/config/prefix.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"
#include "tests/unit/controlplane/typed_map.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

/// "KEYHEX=VALUEHEX …", or the message.
std::string read(std::string_view text, const MapInfo& map = plain_map(4, 4)) {
    const Result<ElementRecords> records = parse_elements(text, "file", map);
    if (!records) return records.error().message;
    std::string all;
    for (size_t i = 0; i < records->count(); ++i)
        all += (i == 0 ? "" : " ") + to_hex(records->key(i)) + "=" + to_hex(records->value(i));
    return all;
}

TEST(ElementFile, HasALineForEachElement) {
    EXPECT_EQ(read("# comment\n\n1 2\n  3\t4 \r\n5 6"),
              "01000000=02000000 03000000=04000000 05000000=06000000");
    EXPECT_EQ(read(""), "");
    EXPECT_EQ(
        read(
            R"({"saddr": "192.0.2.1", "port": 80, "protocol": 6} {"rate": 1, "burst": 2, "marks": [3, 4]})",
            typed_map()),
        "c000020100500600=0100000002000304");
    EXPECT_EQ(read("- 1\n- 1\n", plain_map(0, 4, vm::MapType::Queue)), "=01000000 =01000000");
}

TEST(ElementFile, OfARepeatedKeyTheLastLineWins) {
    EXPECT_EQ(read("1 2\n3 4\n1 5\n0x03000000 6\n"), "01000000=05000000 03000000=06000000");
    const MapInfo trie = plain_map(8, 1, vm::MapType::LpmTrie);
    EXPECT_EQ(read("10.0.0.0/8 1\n10.0.0.0/9 2\n0x080000000a010203 3\n10.2.3.4/8 4", trie),
              "080000000a000000=04 090000000a000000=02");
    std::string many;
    for (int i = 0; i < 3000; ++i)
        many += std::to_string(i % 1000) + " " + std::to_string(i) + "\n";
    const Result<ElementRecords> records = parse_elements(many, "file", plain_map(4, 4));
    ASSERT_TRUE(records);
    ASSERT_EQ(records->count(), 1000u);
    for (size_t i = 0; i < 1000; ++i) EXPECT_EQ(to_number(records->value(i)), 2000 + i);
}

TEST(ElementFile, ErrorsNameLineColumnValueAndExpectation) {
    EXPECT_EQ(read("1 2\nnothing\n"), "file:2:1: line: value 'nothing', expected KEY VALUE");
    EXPECT_EQ(read("1 2\n  7   x\n"),
              "file:2:7: value: value 'x', expected a decimal integer or hex after 0x, of 4 bytes");
    EXPECT_EQ(read("1 2\n 10.0.0 1\n"),
              "file:2:2: key: value '10.0.0', expected a prefix like 192.0.2.0/24 or "
              "2001:db8::/32");
    EXPECT_EQ(read("1 2\n4294967296 1\n"),
              "file:2:1: key: value '4294967296', expected a number that fits in 4 bytes");
    EXPECT_EQ(read("10.0.0.0/33 1", plain_map(8, 4, vm::MapType::LpmTrie)),
              "file:1:1: key: value '10.0.0.0/33', expected a prefix length of at most 32");
    EXPECT_EQ(read("{\"saddr\":1 2", typed_map()),
              "file:1:1: line: value '{\"saddr\":1 2', expected KEY VALUE");
}

TEST(ElementFile, MoreElementsThanTheMapHoldsAreRefused) {
    std::string text;
    for (int i = 0; i < 101; ++i) text += std::to_string(i) + " 1\n";
    const Result<ElementRecords> records = parse_elements(text, "file", plain_map(4, 4));
    ASSERT_TRUE(records);
    EXPECT_EQ(check_count(*records, plain_map(4, 4)).error().message,
              "map fw/plain: 101 elements with keys of their own, expected at most 100 "
              "(max_entries)");
    EXPECT_TRUE(check_count(*parse_elements(text + "", "file", plain_map(4, 4)),
                            plain_map(4, 4, vm::MapType::BloomFilter)));
}

TEST(ElementFile, ReadsWhatADumpPrints) {
    const MapInfo map = typed_map(vm::MapType::PercpuHash, 2);
    const Bytes key = {192, 0, 2, 1, 0, 80, 6, 0};
    const Bytes value = {3, 0, 0, 0, 1, 0, 1, 1, 4, 0, 0, 0, 0xff, 0xff, 2, 2};
    Json list = Json::array({element_json(map, {key, value})});
    const std::string wanted = to_hex(key) + "=" + to_hex(value);
    EXPECT_EQ(read(list.dump(), map), wanted);
    EXPECT_EQ(read(list.dump(2), map), wanted);
    EXPECT_EQ(read(nlohmann::json(list).dump(), map), wanted);  // members in another order
    list[0].erase("value_hex");
    list[0].erase("key_hex");
    EXPECT_EQ(read(list.dump(), map), wanted);
    list[0]["values"][1]["rate"] = 5;
    EXPECT_EQ(read(list.dump(), map).substr(33, 2), "05");
    EXPECT_EQ(read("[]", map), "");
}

TEST(ElementFile, ErrorsOfAListNameTheElementsPlace) {
    EXPECT_EQ(read("[\n  {\"key\": 1, \"value\": 2},\n  {\"key\": 1}\n]"),
              "file:3:3: the element has no value, expected 'value', 'values' or 'value_hex'");
    EXPECT_EQ(read("[{\"key\":\"[,{\",\"key_hex\":\"01\",\"value\":2}]"),
              "file:1:2: key_hex: value \"01\", expected 8 hex digits");
    EXPECT_EQ(read("[{\"key\":1,\"value\":2},\n {\"key\":2,\"value\":4294967296}]"),
              "file:2:2: value: value 4294967296, expected a number of 4 bytes or \"0x\" and 8 hex "
              "digits");
    EXPECT_EQ(read("[{\"key\":1,\"value\":2},\n {]"),
              "file:2:3: expected a JSON list of elements, as 'weir map dump -j' prints it");
    EXPECT_EQ(read("[{\"key\":1,\"key_hex\":\"02000000\",\"value\":2}]"),
              "file:1:2: 'key' and 'key_hex' say different things, expected one of them or the "
              "same");
    EXPECT_EQ(read("[{\"key\":1,\"value\":2,\"value_hex\":\"03000000\"}]"),
              "file:1:2: 'value' and 'value_hex' say different things, expected one of them or the "
              "same");
    EXPECT_EQ(read("[{\"key\":1,\"values\":[1]}]", plain_map(4, 4, vm::MapType::PercpuHash, 2)),
              "file:1:2: values: 1 of them, expected a list of 2, one a CPU");
}

TEST(ElementFile, BindingsAreKeysAndNames) {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("weir_bindings_" + std::to_string(getpid())))
            .string();
    std::ofstream(path) << "# slot, program\n1 leave\n\n 0x02000000\tenter \n";
    const auto bindings = read_bindings(path, plain_map(4, 4, vm::MapType::ProgArray).spec);
    ASSERT_TRUE(bindings) << bindings.error().message;
    ASSERT_EQ(bindings->size(), 2u);
    EXPECT_EQ((*bindings)[0].name, "leave");
    EXPECT_EQ((*bindings)[1].key, (Bytes{2, 0, 0, 0}));
    EXPECT_EQ((*bindings)[1].name, "enter");
    std::ofstream(path) << "1 leave\n2\n";
    const auto wrong = read_bindings(path, plain_map(4, 4, vm::MapType::ProgArray).spec);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().message, path + ":2:1: line: value '2', expected KEY VALUE");
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace weir::controlplane::cli
