#include "jit/code_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

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

/// The file behind a mapping, through /proc: its own descriptor is closed.
int open_mapped_file(uint64_t address) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        uint64_t begin = 0, end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2 && begin == address)
            return ::open(fmt::format("/proc/self/map_files/{:x}-{:x}", begin, end).c_str(),
                          O_RDWR | O_CLOEXEC);
    }
    return -1;
}

TEST(CodeMemory, IsSealedForGood) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    const int fd = open_mapped_file(memory->address());
    if (fd < 0) GTEST_SKIP() << "no right to open mapped files: " << std::strerror(errno);
    constexpr int kWanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    EXPECT_EQ(::fcntl(fd, F_GET_SEALS) & kWanted, kWanted);
    EXPECT_EQ(::pwrite(fd, kReturn42.data(), 1, 0), -1);
    EXPECT_EQ(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    EXPECT_NE(::ftruncate(fd, 0), 0);
    ::close(fd);
    EXPECT_EQ(call(*memory), 42u);
}

TEST(CodeMemory, LeavesNoDescriptorBehind) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;  // the listing's own
        const std::string target = std::filesystem::read_symlink(entry.path(), gone);
        EXPECT_EQ(target.find("weir-jit"), std::string::npos) << target;
    }
}

TEST(CodeMemory, WritingFaults) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    EXPECT_DEATH(*reinterpret_cast<volatile uint8_t*>(memory->address()) = 0xc3, "");
}

TEST(CodeMemory, GuardPagesFaultOnBothSides) {
    const Result<CodeMemory> memory = filled();
    ASSERT_TRUE(memory.has_value());
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto read = [](uint64_t address) {
        return *reinterpret_cast<volatile uint8_t*>(address);
    };
    EXPECT_DEATH(read(memory->address() - 1), "");
    EXPECT_DEATH(read(memory->address() - page), "");
    EXPECT_DEATH(read(memory->address() + page), "");
    EXPECT_DEATH(read(memory->address() + 2 * page - 1), "");
}

TEST(CodeMemory, RunningPastTheEndTraps) {
    constexpr std::array<uint8_t, 3> kNops = {0x90, 0x90, 0x90};
    Result<CodeMemory> memory = CodeMemory::reserve(kNops.size());
    ASSERT_TRUE(memory.has_value() && memory->fill(kNops).has_value());
    EXPECT_EXIT(call(*memory), testing::KilledBySignal(SIGTRAP), "");
    const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    for (uint64_t offset = kNops.size(); offset < page; ++offset)
        ASSERT_EQ(*reinterpret_cast<const uint8_t*>(memory->address() + offset), 0xcc) << offset;
}

TEST(CodeMemory, RunningPastAFullPageFaults) {
    const std::vector<uint8_t> nops(static_cast<size_t>(::sysconf(_SC_PAGESIZE)), 0x90);
    Result<CodeMemory> memory = CodeMemory::reserve(nops.size());
    ASSERT_TRUE(memory.has_value() && memory->fill(nops).has_value());
    EXPECT_DEATH(call(*memory), "");
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
