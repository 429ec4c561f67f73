#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

using jit::Engine;
using vm::Op;

Proven constant_program() {
    return Proven(InsnWriter().mov(0, vm::XDP_PASS).exit().insns(), {});
}

TEST(Compile, GivesTheEngineThatWasAskedFor) {
    const Proven proven = constant_program();
    const auto machine = proven.compile(Engine::kJit), interp = proven.compile(Engine::kInterp);
    EXPECT_EQ(machine->engine(), Engine::kJit);
    EXPECT_FALSE(machine->code().empty());
    EXPECT_EQ(interp->engine(), Engine::kInterp);
    EXPECT_TRUE(interp->code().empty());
}

TEST(Compile, BothEnginesRunPacketsAndBursts) {
    InsnWriter w;
    w.put(Op::kLoad32, 0, 1, 12).exit();  // ingress_ifindex
    const Proven proven(w.insns(), {});
    TestPacket packet;
    for (const Engine engine : {Engine::kJit, Engine::kInterp}) {
        const auto program = proven.compile(engine);
        vm::RunEnv env;
        std::vector<vm::XdpContext> contexts(5, packet.context());
        for (uint32_t i = 0; i < 5; ++i) contexts[i].ingress_ifindex = 10 + i;
        EXPECT_EQ(program->run(contexts[2], env), 12u);
        std::vector<uint32_t> verdicts(5), redirects(5, 99);
        program->run_burst(contexts, verdicts, redirects, env);
        EXPECT_EQ(verdicts, (std::vector<uint32_t>{10, 11, 12, 13, 14}));
        EXPECT_EQ(redirects, std::vector<uint32_t>(5, 0));
        program->run_burst({}, {}, {}, env);
    }
}

TEST(Compile, RedirectTargetsBelongToTheirPacket) {
    InsnWriter w;
    w.put(Op::kLoad32, 1, 1, 12)
        .mov(0, vm::XDP_PASS)
        .put(Op::kJset64Imm, 1, 0, 1, 1)
        .exit()
        .mov(2, 0)
        .call(23)
        .exit();
    const Proven proven(w.insns(), {});
    TestPacket packet;
    for (const Engine engine : {Engine::kJit, Engine::kInterp}) {
        const auto program = proven.compile(engine);
        vm::RunEnv env;
        std::vector<vm::XdpContext> contexts(4, packet.context());
        for (uint32_t i = 0; i < 4; ++i) contexts[i].ingress_ifindex = 10 + i;
        std::vector<uint32_t> verdicts(4), redirects(4, 99);
        program->run_burst(contexts, verdicts, redirects, env);
        EXPECT_EQ(verdicts, (std::vector<uint32_t>{vm::XDP_PASS, vm::XDP_REDIRECT, vm::XDP_PASS,
                                                   vm::XDP_REDIRECT}));
        EXPECT_EQ(redirects, (std::vector<uint32_t>{0, 11, 0, 13}));
        EXPECT_EQ(program->run(contexts[1], env), vm::XDP_REDIRECT);
        EXPECT_EQ(env.redirect_ifindex, 11u);
        EXPECT_EQ(program->run(contexts[0], env), vm::XDP_PASS);
        EXPECT_EQ(env.redirect_ifindex, 0u);
    }
}

/// A helper that the verifier knows but that this table has no code for is a mistake of the caller,
/// not a lack of the machine.
TEST(Compile, DoesNotHideARefusalBehindTheInterpreter) {
    const Proven proven(InsnWriter().call(7).mov(0, 1).exit().insns(), {});
    const vm::HelperTable empty;
    const auto program = jit::compile(proven.program, {}, empty, Engine::kJit);
    ASSERT_FALSE(program.has_value());
    EXPECT_EQ(program.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(program.error().message, "proven: jit: insn 0: helper 7 has no code");
}

/// No file descriptors left: no memfd, no executable memory.
TEST(Compile, TheInterpreterServesWhereMemoryMayNotExecute) {
    const Proven proven = constant_program();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const rlimit none = {0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        TestPacket packet;
        vm::RunEnv env;
        vm::XdpContext context = packet.context();
        const auto program = proven.compile(Engine::kJit);
        ::_exit(program->engine() == Engine::kInterp && program->run(context, env) == vm::XDP_PASS
                    ? 0
                    : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace weir::tests
