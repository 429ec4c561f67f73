#include "controlplane/cli/element_text.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace weir::controlplane::cli {
namespace {

vm::MapSpec map_of(uint32_t key_bytes, uint32_t value_bytes, vm::MapType type = vm::MapType::Hash) {
    vm::MapSpec spec;
    spec.type = type;
    spec.key_bytes = key_bytes;
    spec.value_bytes = value_bytes;
    return spec;
}

TEST(ElementText, KeysAreAddressesWhereTheirSizeFits) {
    EXPECT_EQ(parse_key("192.0.2.1", map_of(4, 4)).value(), (Bytes{192, 0, 2, 1}));
    EXPECT_EQ(parse_key("192.0.2.0/24", map_of(8, 4, vm::MapType::LpmTrie)).value(),
              (Bytes{24, 0, 0, 0, 192, 0, 2, 0}));
    EXPECT_EQ(parse_key("192.0.2.1", map_of(8, 4)).value(), (Bytes{32, 0, 0, 0, 192, 0, 2, 1}));
    EXPECT_EQ(parse_key("::1", map_of(16, 4)).value()[15], 1);
    EXPECT_EQ(parse_key("2001:db8::/32", map_of(20, 4)).value()[0], 32);
    EXPECT_FALSE(parse_key("192.0.2.1", map_of(16, 4)).has_value());
    EXPECT_FALSE(parse_key("192.0.2.0/24", map_of(4, 4)).has_value());
    EXPECT_FALSE(parse_key("192.0.2.1", map_of(6, 4)).has_value());
}

TEST(ElementText, KeysAreNumbersInHostOrderOrHexInMemoryOrder) {
    EXPECT_EQ(parse_key("258", map_of(4, 4)).value(), (Bytes{2, 1, 0, 0}));
    EXPECT_EQ(parse_key("0x01020304", map_of(4, 4)).value(), (Bytes{1, 2, 3, 4}));
    EXPECT_EQ(parse_key("7", map_of(12, 4)).value(), (Bytes{7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    for (const char* wrong : {"", "x", "0x", "0x010203", "4294967296", "1 2"})
        EXPECT_FALSE(parse_key(wrong, map_of(4, 4)).has_value()) << wrong;
}

TEST(ElementText, ValuesFitTheMap) {
    EXPECT_EQ(parse_value("1", map_of(4, 8)).value(), (Bytes{1, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(parse_value("-1", map_of(4, 2)).value(), (Bytes{0xff, 0xff}));
    EXPECT_FALSE(parse_value("256", map_of(4, 1)).has_value());
    EXPECT_FALSE(parse_value("0x01", map_of(4, 2)).has_value());
    EXPECT_EQ(parse_value("0x" + std::string(32, '0'), map_of(4, 4, vm::MapType::PercpuHash))
                  .value()
                  .size(),
              16u);
}

TEST(ElementText, FilesNameTheLineOfAnError) {
    const std::string path = testing::TempDir() + "/weir-elements-" + std::to_string(getpid());
    std::ofstream(path) << "# comment\n\n1 2\n  3\t4 \n";
    const auto good = read_elements(path, map_of(4, 4));
    ASSERT_TRUE(good.has_value()) << good.error().message;
    ASSERT_EQ(good->size(), 2u);
    EXPECT_EQ((*good)[1].value, (Bytes{4, 0, 0, 0}));
    std::ofstream(path) << "1 2\nnothing\n";
    EXPECT_EQ(read_elements(path, map_of(4, 4)).error().message,
              path + ":2: line: value 'nothing', expected KEY VALUE");
    std::ofstream(path) << "1 x\n";
    EXPECT_EQ(
        read_elements(path, map_of(4, 4)).error().message,
        path + ":1: value: value 'x', expected a decimal integer or hex after 0x, of 4 bytes");
    std::filesystem::remove(path);
}

TEST(ElementText, MapsWithoutKeysTakeADash) {
    EXPECT_EQ(parse_key("-", map_of(0, 4, vm::MapType::Queue)).value(), Bytes());
    EXPECT_FALSE(parse_key("0", map_of(0, 4, vm::MapType::Queue)).has_value());
}

TEST(ElementText, BindingsAreKeysAndNames) {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("weir_bindings_" + std::to_string(getpid())))
            .string();
    std::ofstream(path) << "# slot, program\n1 leave\n\n 0x02000000\tenter \n";
    const auto bindings = read_bindings(path, map_of(4, 4, vm::MapType::ProgArray));
    ASSERT_TRUE(bindings) << bindings.error().message;
    ASSERT_EQ(bindings->size(), 2u);
    EXPECT_EQ((*bindings)[0].name, "leave");
    EXPECT_EQ((*bindings)[1].key, (Bytes{2, 0, 0, 0}));
    EXPECT_EQ((*bindings)[1].name, "enter");
    std::ofstream(path) << "1 leave\n2\n";
    const auto wrong = read_bindings(path, map_of(4, 4, vm::MapType::ProgArray));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().message, path + ":2: line: value '2', expected KEY VALUE");
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace weir::controlplane::cli
