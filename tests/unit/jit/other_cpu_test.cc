// As on a machine without a back end (this executable is built so): the interpreter serves.

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>
#include <string>

#include "jit/machine_code.h"
#include "jit/unverified.h"
#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

static_assert(!jit::kHostIsX86_64);

TEST(OtherCpu, TheInterpreterServesAndSaysSoOnce) {
    std::ostringstream log;
    const std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log, true)));
    const Proven proven(InsnWriter().mov(0, 2).exit().insns(), {});
    for (int i = 0; i < 3; ++i) {
        const auto program = proven.compile(jit::Engine::kJit);
        EXPECT_EQ(program->engine(), jit::Engine::kInterp);
        EXPECT_TRUE(program->code().empty());
        EXPECT_EQ(program->code_map(), nullptr);
        TestPacket packet;
        vm::XdpContext context = packet.context();
        vm::RunEnv env;
        EXPECT_EQ(program->run(context, env), 2u);
    }
    spdlog::set_default_logger(before);
    const std::string said = "the interpreter runs the programs instead";
    const size_t first = log.str().find(said);
    ASSERT_NE(first, std::string::npos) << log.str();
    EXPECT_EQ(log.str().find(said, first + 1), std::string::npos) << log.str();
    EXPECT_NE(log.str().find("no back end for this CPU"), std::string::npos) << log.str();
}

TEST(OtherCpu, TheDoorForTestsRefuses) {
    const vm::HelperTable none;
    const auto program =
        jit::TESTING_ONLY_compile_unverified(InsnWriter().mov(0, 2).exit().insns(), none);
    ASSERT_FALSE(program.has_value());
    EXPECT_EQ(program.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace weir::tests
