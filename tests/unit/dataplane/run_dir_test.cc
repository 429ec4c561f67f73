#include "dataplane/run_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/dataplane/temporary_dir.h"

namespace weir::dataplane {
namespace {

mode_t mode_of(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
}

TEST(RunDir, IsMadeWithItsSocketForOwnerAndGroupOnly) {
    TemporaryDir temporary;
    Result<RunDir> dir = RunDir::claim(temporary / "a/b/run", std::nullopt);
    ASSERT_TRUE(dir) << dir.error().message;
    const Result<int> fd = dir->listen();
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(mode_of(temporary / "a/b/run"), 0750u);
    EXPECT_EQ(mode_of(dir->file(kSocketName)), 0660u);
    ::close(*fd);
}

TEST(RunDir, IsHeldByOneAtATime) {
    TemporaryDir temporary;
    const std::string path = temporary / "run";
    std::optional<RunDir> first = *RunDir::claim(path, std::nullopt);
    const Result<RunDir> second = RunDir::claim(path, std::nullopt);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, path + ": control socket in use by pid " +
                                          std::to_string(::getpid()) +
                                          "; stop that one or give another --run-dir");
    first.reset();
    EXPECT_TRUE(RunDir::claim(path, std::nullopt));
}

TEST(RunDir, RemovesItsSocketAndReplacesADeadOne) {
    TemporaryDir temporary;
    const std::string path = temporary / "run";
    {
        RunDir dir = *RunDir::claim(path, std::nullopt);
        ::close(*dir.listen());
        // A second listen is what a process does after one that was killed: the name is there,
        // nobody behind it.
        const Result<int> again = dir.listen();
        ASSERT_TRUE(again) << again.error().message;
        ::close(*again);
    }
    EXPECT_FALSE(std::filesystem::exists(path + "/" + kSocketName));
}

TEST(RunDir, RefusesAPathThatIsNoDirectoryOrTooLong) {
    TemporaryDir temporary;
    EXPECT_FALSE(RunDir::claim("/dev/null", std::nullopt));
    RunDir dir = *RunDir::claim(temporary / std::string(100, 'x'), std::nullopt);
    const Result<int> fd = dir.listen();
    ASSERT_FALSE(fd);
    EXPECT_NE(fd.error().message.find("too long for a socket, at most 92 bytes"), std::string::npos)
        << fd.error().message;
}

}  // namespace
}  // namespace weir::dataplane
