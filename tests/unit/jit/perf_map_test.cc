#include "jit/perf_map.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <fmt/format.h>

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

std::string perf_map_path() {
    return fmt::format("/tmp/perf-{}.map", ::getpid());
}

TEST(PerfMap, NamesTheCodeAndNothingElse) {
    ::unlink(perf_map_path().c_str());
    const Proven proven(InsnWriter().mov(0, 2).exit().insns(), {});
    const auto machine = proven.compile(jit::Engine::kJit),
               interp = proven.compile(jit::Engine::kInterp);
    ASSERT_TRUE(jit::append_perf_map(*interp, "interp").has_value());
    ASSERT_TRUE(jit::append_perf_map(*machine, "firewall").has_value());
    std::ifstream file(perf_map_path());
    std::string line, rest;
    std::getline(file, line);
    EXPECT_EQ(line, fmt::format("{:x} {:x} weir:firewall",
                                reinterpret_cast<uint64_t>(machine->code().data()),
                                machine->code().size()));
    EXPECT_FALSE(std::getline(file, rest));
    ::unlink(perf_map_path().c_str());
}

TEST(PerfMap, DoesNotFollowSymlinks) {
    ::unlink(perf_map_path().c_str());
    ASSERT_EQ(::symlink("/dev/null", perf_map_path().c_str()), 0);
    const Proven proven(InsnWriter().mov(0, 2).exit().insns(), {});
    const Result<void> appended =
        jit::append_perf_map(*proven.compile(jit::Engine::kJit), "firewall");
    ::unlink(perf_map_path().c_str());
    ASSERT_FALSE(appended.has_value());
    EXPECT_EQ(appended.error().kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace weir::tests
