#include "jit/perf_map.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

/// A path of this test's own, without a file.
class PerfMapFile : public testing::Test {
protected:
    ~PerfMapFile() override { ::unlink(path.c_str()); }
    std::string contents() const {
        std::ifstream file(path);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    const std::string path =
        std::filesystem::temp_directory_path() / fmt::format("weir-perf-map-test-{}", ::getpid());
};

TEST_F(PerfMapFile, NamesEveryFunctionOfTheCode) {
    const Proven proven(InsnWriter().mov(0, 2).exit().insns(), {});
    const auto machine = proven.compile(jit::Engine::kJit);
    const auto address = reinterpret_cast<uint64_t>(machine->code().data());
    const auto symbols =
        jit::code_symbols("firewall", proven.program->spec(), *machine->code_map(), address);
    ASSERT_TRUE(jit::PerfMap(path).add(symbols).has_value());
    const jit::CodeFunction& single = machine->code_map()->functions[0];
    const jit::CodeFunction& burst = machine->code_map()->functions[1];
    EXPECT_EQ(contents(), fmt::format("{:x} {:x} weir:firewall:main\n{:x} {:x} "
                                      "weir:firewall:main.burst\n",
                                      address + single.begin, single.end - single.begin,
                                      address + burst.begin, burst.end - burst.begin));
}

TEST_F(PerfMapFile, GrowsAndForgetsOnlyWhatOtherCodeReplaced) {
    jit::PerfMap map(path);
    const std::vector<jit::CodeSymbol> first = {{0x1000, 0x10, "a"}, {0x1010, 0x10, "b"}},
                                       other = {{0x3000, 0x20, "c"}}, reload = {{0x1008, 8, "d"}};
    ASSERT_TRUE(map.add(first).has_value());
    ASSERT_TRUE(map.add(other).has_value());
    EXPECT_EQ(contents(), "1000 10 a\n1010 10 b\n3000 20 c\n");
    ASSERT_TRUE(map.add(reload).has_value());
    EXPECT_EQ(contents(), "1010 10 b\n3000 20 c\n1008 8 d\n");
}

TEST_F(PerfMapFile, DropsTheOlderHalfWhereNamesAreTooMany) {
    constexpr size_t kMost = 4;
    jit::PerfMap map(path, kMost);
    for (uint64_t i = 1; i <= kMost; ++i)
        ASSERT_TRUE(map.add(std::vector<jit::CodeSymbol>{{0x1000 * i, 8, "old"}}).has_value());
    EXPECT_EQ(contents(), "1000 8 old\n2000 8 old\n3000 8 old\n4000 8 old\n");
    ASSERT_TRUE(map.add(std::vector<jit::CodeSymbol>{{0x5000, 8, "new"}}).has_value());
    EXPECT_EQ(contents(), "4000 8 old\n5000 8 new\n");
    ASSERT_TRUE(map.add(std::vector<jit::CodeSymbol>{{0x6000, 8, "new"}}).has_value());
    EXPECT_EQ(contents(), "4000 8 old\n5000 8 new\n6000 8 new\n");
}

TEST_F(PerfMapFile, ReplacesWhatADeadProcessOfThisNumberLeft) {
    std::ofstream(path) << "5000 10 stale\n";
    const std::vector<jit::CodeSymbol> symbols = {{0x1000, 0x10, "a"}};
    ASSERT_TRUE(jit::PerfMap(path).add(symbols).has_value());
    EXPECT_EQ(contents(), "1000 10 a\n");
}

TEST_F(PerfMapFile, FollowsNoLinkThatSomebodyLeftThere) {
    ASSERT_EQ(::symlink("/dev/null", path.c_str()), 0);
    const std::vector<jit::CodeSymbol> symbols = {{0x1000, 0x10, "a"}};
    EXPECT_FALSE(jit::PerfMap(path).add(symbols).has_value());
}

TEST_F(PerfMapFile, WritesIntoNoFileWithAnotherName) {
    const std::string other = path + ".other";
    std::ofstream(other) << "kept\n";
    ASSERT_EQ(::link(other.c_str(), path.c_str()), 0);
    const std::vector<jit::CodeSymbol> symbols = {{0x1000, 0x10, "a"}};
    EXPECT_FALSE(jit::PerfMap(path).add(symbols).has_value());
    EXPECT_EQ(contents(), "kept\n");
    ::unlink(other.c_str());
}

TEST_F(PerfMapFile, DoesNotWaitForTheReaderOfAPipe) {
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const std::vector<jit::CodeSymbol> symbols = {{0x1000, 0x10, "a"}};
    EXPECT_FALSE(jit::PerfMap(path).add(symbols).has_value());
}

}  // namespace
}  // namespace weir::tests
