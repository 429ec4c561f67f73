#include "dataplane/prover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "dataplane/prover_process.h"
#include "tests/unit/dataplane/fixtures.h"

namespace weir::dataplane {
namespace {

using Clock = std::chrono::steady_clock;

/// Stands for a verifier with a hole: does what the program's name says. Runs in the child that
/// proves.
std::expected<vm::Proof, vm::Rejection> misbehave(const vm::ProgramSpec& program,
                                                  const vm::Budget& budget) {
    if (program.name == "crash") __builtin_trap();
    if (program.name == "abort") std::abort();
    if (program.name == "open") ::open("/etc/passwd", O_RDONLY);
    if (program.name == "socket") ::socket(AF_INET, SOCK_STREAM, 0);
    if (program.name == "fork") ::fork();
    if (program.name == "exec memory") {
        (void)::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    }
    if (program.name == "other descriptors") {
        // Standard input to output lead to /dev/null, the reply stands above them, nothing else is
        // open.
        int open_count = 0;
        const char byte = 0;
        for (int fd = 0; fd < 64; ++fd) open_count += ::write(fd, &byte, 0) == 0 ? 1 : 0;
        if (open_count != 4) std::abort();
    }
    if (program.name == "hang") {
        for (std::atomic<uint64_t> rounds = 0;; ++rounds) {
        }
    }
    if (program.name == "bloat") {
        std::vector<std::unique_ptr<uint8_t[]>> blocks;
        for (;;) blocks.push_back(std::make_unique_for_overwrite<uint8_t[]>(16u << 20));
    }
    return vm::verify(program, budget);
}

vm::ProgramSpec named(std::string name) {
    vm::ProgramSpec program = testing_return(2);
    program.name = std::move(name);
    return program;
}

class ProverTest : public testing::Test {
protected:
    void SetUp() override {
        Result<std::unique_ptr<Prover>> started = Prover::start("/proc/self/exe");
        ASSERT_TRUE(started) << started.error().message;
        prover_ = std::move(*started);
    }
    std::string failure_of(const std::string& name, const vm::Budget& budget = {}) {
        const auto proof = prover_->prove(named(name), budget);
        if (proof) return "proved";
        EXPECT_EQ(proof.error().rule, kProverRule);
        return proof.error().message;
    }
    std::unique_ptr<Prover> prover_;
};

TEST_F(ProverTest, ProvesAsTheVerifierDoes) {
    const vm::ProgramSpec program = testing_return(2);
    const auto proof = prover_->prove(program);
    ASSERT_TRUE(proof) << proof.error().message;
    const auto here = vm::verify(program);
    ASSERT_TRUE(here);
    EXPECT_EQ(proof->facts.size(), here->facts.size());
    EXPECT_EQ(proof->visited_insns, here->visited_insns);
    EXPECT_TRUE(vm::accept(program, *proof));
}

TEST_F(ProverTest, RefusesAsTheVerifierDoes) {
    vm::ProgramSpec program = testing_return(2);
    program.insns.erase(program.insns.begin());  // r0 is never written
    const auto proof = prover_->prove(program);
    const auto here = vm::verify(program);
    ASSERT_FALSE(proof);
    ASSERT_FALSE(here);
    EXPECT_EQ(proof.error().rule, here.error().rule);
    EXPECT_EQ(proof.error().message, here.error().message);
    EXPECT_EQ(proof.error().state, here.error().state);
}

TEST_F(ProverTest, AnswersTheSecondTimeWithoutAProof) {
    const auto first = prover_->prove(named("fine"));
    ASSERT_TRUE(first);
    EXPECT_NE(failure_of("crash"), "proved");
    // One that is stopped answers nothing, and nobody waits for it.
    ASSERT_EQ(::kill(prover_->pid(), SIGSTOP), 0);
    const Clock::time_point start = Clock::now();
    const auto second = prover_->prove(named("fine"));
    EXPECT_LT(Clock::now() - start, std::chrono::milliseconds(500));
    ASSERT_EQ(::kill(prover_->pid(), SIGCONT), 0);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->facts.size(), first->facts.size());
    EXPECT_EQ(second->visited_insns, first->visited_insns);
}

TEST_F(ProverTest, ProvesAgainForAnotherBudget) {
    ASSERT_TRUE(prover_->prove(named("fine")));
    const auto verdict = prover_->prove(named("fine"), {.visited_insns_max = 0});
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().rule, "budget");
}

TEST_F(ProverTest, OutlivesEveryKindOfCrash) {
    const pid_t before = prover_->pid();
    EXPECT_EQ(failure_of("crash"), "the proof was ended by signal 4 (Illegal instruction)");
    EXPECT_NE(failure_of("abort"), "proved");
    EXPECT_TRUE(prover_->prove(named("fine")));
    EXPECT_EQ(prover_->pid(), before);
}

TEST_F(ProverTest, KillsAProofThatMakesAForbiddenSystemCall) {
    const std::string killed = "the proof was ended by signal 31 (Bad system call)";
    EXPECT_EQ(failure_of("open"), killed);
    EXPECT_EQ(failure_of("socket"), killed);
    EXPECT_EQ(failure_of("fork"), killed);
    EXPECT_EQ(failure_of("exec memory"), killed);
}

TEST_F(ProverTest, LeavesAProofNoDescriptorButItsReply) {
    EXPECT_TRUE(prover_->prove(named("other descriptors")));
}

TEST_F(ProverTest, EndsAProofThatTakesTooLong) {
    vm::Budget budget;
    budget.time_ms_max = 100;
    const Clock::time_point start = Clock::now();
    EXPECT_EQ(failure_of("hang", budget),
              "the proof gave no answer of bounded size within 1100 ms");
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
    EXPECT_TRUE(prover_->prove(named("fine")));
}

TEST_F(ProverTest, EndsAProofThatTakesTooMuchMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers need the address space";
#endif
    EXPECT_EQ(failure_of("bloat"), "it needs more than 1024 MiB");
    EXPECT_TRUE(prover_->prove(named("fine")));
}

TEST_F(ProverTest, PassesTheBudgetOn) {
    vm::Budget budget;
    budget.visited_insns_max = 0;
    const auto proof = prover_->prove(testing_return(2), budget);
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().rule, "budget");
}

TEST_F(ProverTest, RefusesTheLoadDuringWhichItDiedAndComesBack) {
    const pid_t first = prover_->pid();
    ASSERT_EQ(::kill(first, SIGSTOP), 0);
    std::thread killer([first] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ::kill(first, SIGKILL);
    });
    EXPECT_NE(failure_of("fine").find("the prover gave no answer"), std::string::npos);
    killer.join();
    EXPECT_NE(prover_->pid(), first);
    EXPECT_TRUE(prover_->prove(named("fine")));
    EXPECT_EQ(prover_->trouble(), "");
}

TEST_F(ProverTest, IsReplacedWhenItDiesBetweenLoads) {
    const pid_t first = prover_->pid();
    ASSERT_EQ(::kill(first, SIGKILL), 0);
    for (int i = 0; i < 100 && prover_->pid() == first; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        prover_->tend();
    }
    EXPECT_NE(prover_->pid(), first);
    EXPECT_TRUE(prover_->prove(named("fine")));
}

TEST(Prover, SaysThatItCannotBeStarted) {
    const Result<std::unique_ptr<Prover>> prover = Prover::start("/nonexistent/weir-dataplane");
    ASSERT_FALSE(prover);
    EXPECT_EQ(prover.error().message,
              "/nonexistent/weir-dataplane --prover: No such file or directory");
}

}  // namespace
}  // namespace weir::dataplane

/// The test is its own prover, as weir-dataplane is.
int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == weir::dataplane::kProverOption) {
        return weir::dataplane::serve_proofs(weir::dataplane::misbehave);
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
