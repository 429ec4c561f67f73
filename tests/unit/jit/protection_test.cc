// What a process sees of its own memory while programs are compiled and run, and what becomes of it
// where the system gives no executable memory.

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

constexpr int kDone = 0, kFailed = 1, kNotOffered = 77;

Proven returning(int32_t value) {
    return Proven(InsnWriter().mov(0, value).exit().insns(), {});
}

uint32_t run_once(const jit::CompiledProgram& program) {
    TestPacket packet;
    vm::XdpContext context = packet.context();
    vm::RunEnv env;
    return program.run(context, env);
}

/// Lines of /proc/self/maps that hold `text`.
std::vector<std::string> mappings(std::string_view text) {
    std::vector<std::string> found;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find(text) != std::string::npos) found.push_back(line);
    return found;
}

bool is_writable(const std::string& mapping) {
    const size_t letters = mapping.find(' ') + 1;
    return mapping[letters + 1] == 'w';
}
bool is_executable(const std::string& mapping) {
    const size_t letters = mapping.find(' ') + 1;
    return mapping[letters + 2] == 'x';
}

TEST(Protection, NoMappingIsEverWritableAndExecutableWhileProgramsAreCompiledAndRun) {
    std::atomic<bool> stop = false;
    std::atomic<uint64_t> looks = 0, code_seen = 0;
    std::string found;
    std::thread watcher([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            for (const std::string& mapping : mappings(" ")) {
                const bool is_code = mapping.find("weir-jit") != std::string::npos;
                if (is_code) code_seen.fetch_add(1, std::memory_order_relaxed);
                if (is_writable(mapping) && (is_executable(mapping) || is_code)) found = mapping;
            }
            looks.fetch_add(1, std::memory_order_release);
        }
    });
    constexpr uint64_t kLooks = 50;
    uint64_t compiled = 0;
    std::unique_ptr<jit::CompiledProgram> program;  // each lives while the next one is compiled
    while (looks.load(std::memory_order_acquire) < kLooks || compiled < kLooks) {
        const auto value = static_cast<int32_t>(compiled % 1000);
        program = returning(value).compile(jit::Engine::kJit);
        EXPECT_EQ(run_once(*program), static_cast<uint32_t>(value));
        ++compiled;
    }
    stop = true;
    watcher.join();
    EXPECT_EQ(found, "");
    EXPECT_GT(code_seen.load(), 0u);
}

TEST(Protection, CodeIsUnmappedWithItsProgram) {
    const size_t before = mappings("weir-jit").size();
    {
        const auto program = returning(1).compile(jit::Engine::kJit);
        EXPECT_EQ(mappings("weir-jit").size(), before + 1);
    }
    EXPECT_EQ(mappings("weir-jit").size(), before);
}

/// `body` in a child: its exit status.
int in_child(int (*body)()) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return kFailed;
    return WEXITSTATUS(status);
}

TEST(Protection, CompilesWhereNothingWritableMayBecomeExecutable) {
    const int status = in_child([] {
        if (::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) return kNotOffered;
        const auto program = returning(7).compile(jit::Engine::kJit);
        return program->engine() == jit::Engine::kJit && run_once(*program) == 7 ? kDone : kFailed;
    });
    if (status == kNotOffered) GTEST_SKIP() << "kernel older than 6.3: no PR_SET_MDWE";
    EXPECT_EQ(status, kDone);
}

/// From now on this thread gets EACCES from the call of this number, where `argument` has one of
/// the `bits` (0: always).
bool refuse_call(uint32_t number, uint32_t argument, uint32_t bits) {
    const auto at = [](size_t offset) { return static_cast<uint32_t>(offset); };
    std::vector<sock_filter> filter = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at(offsetof(seccomp_data, nr))),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at(offsetof(seccomp_data, args)) + 8 * argument),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    if (bits == 0) filter[2] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES);
    sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Several programs, by the interpreter, with one warning.
int interpreter_serves_and_says_so_once() {
    std::ostringstream log;
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log, true)));
    for (int32_t value = 0; value < 5; ++value) {
        const auto program = returning(value).compile(jit::Engine::kJit);
        if (program->engine() != jit::Engine::kInterp) return kFailed;
        if (run_once(*program) != static_cast<uint32_t>(value)) return kFailed;
    }
    const std::string text = log.str();
    const std::string wanted = "the interpreter runs the programs instead";
    const size_t first = text.find(wanted);
    if (first == std::string::npos || text.find(wanted, first + 1) != std::string::npos)
        return kFailed;
    return text.find("executable memory") != std::string::npos ? kDone : kFailed;
}

TEST(Protection, WithoutMemoryFilesTheInterpreterServesAndSaysSoOnce) {
    const int status = in_child([] {
        if (!refuse_call(SYS_memfd_create, 0, 0)) return kNotOffered;
        return interpreter_serves_and_says_so_once();
    });
    if (status == kNotOffered) GTEST_SKIP() << "no seccomp here";
    EXPECT_EQ(status, kDone);
}

TEST(Protection, WithoutTheRightToExecuteMemoryTheInterpreterServesAndSaysSoOnce) {
    const int status = in_child([] {
        constexpr uint32_t kProtection = 2;  // mmap's third argument
        if (!refuse_call(SYS_mmap, kProtection, PROT_EXEC)) return kNotOffered;
        return interpreter_serves_and_says_so_once();
    });
    if (status == kNotOffered) GTEST_SKIP() << "no seccomp here";
    EXPECT_EQ(status, kDone);
}

}  // namespace
}  // namespace weir::tests
