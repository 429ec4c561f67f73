#include "vm/elf/btf_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/vm/elf/loaded_object.h"
#include "vm/elf/target_types.h"

namespace weir::vm::elf {
namespace {

std::string write_file(const std::string& name, ByteSpan bytes) {
    const std::string path = testing::TempDir() + "/" + name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path;
}

TEST(BtfFile, FindsTheSectionOfAnElfFileAndTakesRawTypes) {
    const auto section = read_btf_file(tests::corpus_path("loader/core_target.clang-14.v3.o"));
    ASSERT_TRUE(section) << section.error().message;
    const auto types = TargetTypes::parse(*section);
    ASSERT_TRUE(types) << types.error().message;
    EXPECT_EQ(types->candidates("moved").size(), 1u);
    EXPECT_EQ(types->candidates("twice").size(), 2u) << "with its flavor";
    EXPECT_TRUE(types->candidates("nowhere").empty());
    const auto raw = read_btf_file(write_file("raw.btf", *section));
    ASSERT_TRUE(raw);
    EXPECT_EQ(*raw, *section);
}

TEST(BtfFile, SaysWhatIsWrong) {
    const auto error = [](const std::string& path) {
        const auto bytes = read_btf_file(path);
        return bytes ? std::string() : bytes.error().message;
    };
    EXPECT_NE(error("/nowhere/file").find("cannot open"), std::string::npos);
    EXPECT_NE(error(write_file("empty.btf", {})).find("is empty"), std::string::npos);
    std::ifstream file(tests::corpus_path("loader/core_target.clang-14.v3.o"), std::ios::binary);
    const Bytes object{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_NE(error(write_file("cut.o", ByteSpan(object).first(object.size() / 2)))
                  .find("leaves the file"),
              std::string::npos);
    Bytes big_endian = object;
    big_endian[5] = 2;
    EXPECT_NE(error(write_file("big.o", big_endian)).find("little-endian"), std::string::npos);
}

TEST(TargetTypes, KeepsTheLastFileUntilItChanges) {
    const std::string from = tests::corpus_path("loader/core_target.clang-14.v3.o");
    const auto bytes = read_btf_file(from);
    ASSERT_TRUE(bytes);
    const std::string path = write_file("kept.btf", *bytes);
    const auto first = TargetTypes::load(path);
    ASSERT_TRUE(first);
    EXPECT_EQ(*TargetTypes::load(path), *first);
    Bytes longer = *bytes;
    longer.push_back(0);
    write_file("kept.btf", longer);
    const auto second = TargetTypes::load(path);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_NE(*second, *first);
}

TEST(TargetTypes, ReadsTheRunningKernels) {
    if (!std::ifstream(std::string(kKernelBtfPath)))
        GTEST_SKIP() << "this kernel does not show its types";
    const auto types = TargetTypes::load(std::string(kKernelBtfPath));
    ASSERT_TRUE(types) << types.error().message;
    EXPECT_GE((*types)->candidates("xdp_md").size(), 1u);
}

}  // namespace
}  // namespace weir::vm::elf
