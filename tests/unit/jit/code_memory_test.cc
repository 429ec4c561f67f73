#include "jit/code_memory.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>

namespace weir::jit {
namespace {

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

constexpr std::array<uint8_t, 6> kReturn42 = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42; ret

uint64_t call(const CodeMemory& memory) {
    return reinterpret_cast<uint32_t (*)()>(memory.address())();
}

/// Permission letters of the mapping that holds `address`; empty if there is none.
std::string permissions_at(uint64_t address) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        uint64_t begin = 0, end = 0;
        char letters[5] = {};
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, letters) == 3 &&
            address >= begin && address < end)
            return letters;
    }
    return {};
}

Result<CodeMemory> filled() {
    Result<CodeMemory> memory = CodeMemory::reserve(kReturn42.size());
    if (!memory) return memory;
    if (const Result<void> done = memory->fill(kReturn42); !done)
        return std::unexpected(done.error());
    return memory;
}

TEST(CodeMemory, RunsWhatWasFilledIn) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    EXPECT_EQ(call(*memory), 42u);
    EXPECT_TRUE(std::equal(memory->code().begin(), memory->code().end(), kReturn42.begin(),
                           kReturn42.end()));
}

TEST(CodeMemory, IsReadAndExecuteOnlyBetweenGuardPages) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    EXPECT_EQ(permissions_at(memory->address()), "r-xp");
    EXPECT_EQ(permissions_at(memory->address() - 1), "---p");
    EXPECT_EQ(permissions_at(memory->address() + page), "---p");
}

TEST(CodeMemory, NothingInTheProcessIsWritableAndExecutable) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        EXPECT_EQ(line.find(" rwx"), std::string::npos) << line;
}

TEST(CodeMemory, WritingFaults) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    EXPECT_DEATH(*reinterpret_cast<volatile uint8_t*>(memory->address()) = 0xc3, "");
}

TEST(CodeMemory, PaddingTraps) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(*reinterpret_cast<const uint8_t*>(memory->address() + kReturn42.size()), 0xcc);
}

TEST(CodeMemory, IsFreedWithTheObject) {
    uint64_t address = 0;
    {
        const Result<CodeMemory> memory = filled();
        ASSERT_TRUE(memory.has_value());
        address = memory->address();
    }
    EXPECT_EQ(permissions_at(address), "");
}

TEST(CodeMemory, MovesWithoutMovingTheCode) {
    Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    const uint64_t address = memory->address();
    const CodeMemory moved = std::move(*memory);
    EXPECT_EQ(moved.address(), address);
    EXPECT_EQ(call(moved), 42u);
}

TEST(CodeMemory, LiesWithinReachOfOurOwnCode) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    const auto distance =
        static_cast<int64_t>(memory->address() - reinterpret_cast<uint64_t>(&CodeMemory::reserve));
    EXPECT_LT(std::abs(distance), int64_t{1} << 31);
}

TEST(CodeMemory, WorksWhereTheKernelRefusesToGainExecute) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        constexpr int kNoPrctl = 77;
        if (::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) ::_exit(kNoPrctl);
        const Result<CodeMemory> memory = filled();
        ::_exit(memory.has_value() && call(*memory) == 42 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "kernel older than 6.3: no PR_SET_MDWE";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace weir::jit
