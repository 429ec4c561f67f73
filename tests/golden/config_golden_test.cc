// Every wrong configuration of config/errors.golden gives exactly its line.

#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/config/parse.h"
#include "tests/golden/golden_file.h"

namespace weir::controlplane {
namespace {

TEST(ConfigGolden, SaysOneExactLineForEachWrongConfig) {
    const std::string path = std::string(WEIR_GOLDEN_DIR) + "/config/errors.golden";
    tests::GoldenFile file = tests::read_golden(path);
    ASSERT_GE(file.blocks.size(), 40u) << path;
    for (tests::GoldenBlock& block : file.blocks) {
        const Result<Config> config = parse_config(block.input, "weir.yaml");
        const std::string said = config ? "accepted\n" : config.error().message + "\n";
        if (tests::rewrite_golden()) {
            block.expected = said;
            continue;
        }
        EXPECT_EQ(said, block.expected) << block.name;
        EXPECT_FALSE(config.has_value()) << block.name;
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << block.name;
    }
    if (tests::rewrite_golden()) tests::write_golden(path, file);
}

}  // namespace
}  // namespace weir::controlplane
