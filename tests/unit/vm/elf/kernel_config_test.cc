#include "vm/elf/kernel_config.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

namespace weir::vm::elf {
namespace {

constexpr uint32_t kVersion6183 = (6u << 16) + (18u << 8) + 3;

TEST(KernelConfig, KeepsLinesThatSetSomething) {
    const KernelConfig config = parse_kernel_config(
        "#\n# CONFIG_OFF is not "
        "set\nCONFIG_A=y\nCONFIG_T=\"a=b\"\n\nOTHER=1\nCONFIG_CUT\nCONFIG_E=\n"
        "CONFIG_A=n\nCONFIG_LAST=0x10");
    EXPECT_EQ(config.size(), 4u);
    EXPECT_EQ(config.at("CONFIG_A"), "y") << "the first line counts";
    EXPECT_EQ(config.at("CONFIG_T"), "\"a=b\"");
    EXPECT_EQ(config.at("CONFIG_E"), "");
    EXPECT_EQ(config.at("CONFIG_LAST"), "0x10");
}

TEST(KernelConfig, ReadsFilesPackedOrNot) {
    const std::string folder = testing::TempDir();
    const std::string plain = folder + "/config", packed = folder + "/config.gz";
    std::ofstream(plain) << "CONFIG_A=y\n";
    gzFile file = gzopen(packed.c_str(), "wb");
    gzputs(file, "CONFIG_A=m\n");
    gzclose(file);
    EXPECT_EQ(read_kernel_config(plain)->at("CONFIG_A"), "y");
    EXPECT_EQ(read_kernel_config(packed)->at("CONFIG_A"), "m");
    const auto missing = read_kernel_config(folder + "/none");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("none: cannot open"), std::string::npos);
}

TEST(KernelConfig, StopsUnpackingWhatIsTooLarge) {
    const std::string path = testing::TempDir() + "/bomb.gz";
    gzFile file = gzopen(path.c_str(), "wb9");
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < 8; ++i) gzwrite(file, block.data(), static_cast<unsigned>(block.size()));
    gzclose(file);
    ASSERT_LT(std::filesystem::file_size(path), 64u << 10);
    const auto config = read_kernel_config(path);
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().message.find("more than 4194304 bytes"), std::string::npos);
}

TEST(KernelConfig, RefusesAPackedFileThatIsCutOff) {
    const std::string path = testing::TempDir() + "/cut.gz";
    gzFile file = gzopen(path.c_str(), "wb");
    for (int i = 0; i < 1000; ++i) gzprintf(file, "CONFIG_X%d=%d\n", i, i * i);
    gzclose(file);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
    const auto config = read_kernel_config(path);
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().message.find("cut.gz: cannot unpack: it is cut off"),
              std::string::npos);
}

TEST(KernelConfig, ReadsVersions) {
    EXPECT_EQ(parse_kernel_version("6.18.3-amd64", ""), kVersion6183);
    EXPECT_EQ(parse_kernel_version("6.18", ""), kVersion6183 - 3);
    EXPECT_EQ(parse_kernel_version("6.18.3+", "#1 SMP PREEMPT_DYNAMIC"), kVersion6183);
    EXPECT_EQ(parse_kernel_version("5.10.0-19-amd64", "#1 SMP Debian 5.10.149-2 (2022-10-21)"),
              (5u << 16) + (10u << 8) + 149);
    EXPECT_EQ(parse_kernel_version("4.19.300", ""), (4u << 16) + (19u << 8) + 255);
    EXPECT_EQ(parse_kernel_version("six", ""), 0u);
    EXPECT_EQ(parse_kernel_version("6", ""), 0u);
    EXPECT_GE(running_kernel_version(), 4u << 16);
}

}  // namespace
}  // namespace weir::vm::elf
