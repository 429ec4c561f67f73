#include "maps/numa.h"

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "maps/region.h"

namespace weir::maps {
namespace {

namespace fs = std::filesystem;

/// A machine of two nodes with two cpus each.
class TwoNodes : public ::testing::Test {
protected:
    void SetUp() override {
        char folder[] = "/tmp/weir-numa-XXXXXX";
        ASSERT_NE(mkdtemp(folder), nullptr);
        sysfs_ = folder;
        for (const char* cpu : {"node0/cpu0", "node0/cpu1", "node1/cpu2", "node1/cpu3"})
            fs::create_directories(fs::path(sysfs_) / "devices/system/node" / cpu);
    }
    void TearDown() override { fs::remove_all(sysfs_); }
    std::vector<uint32_t> nodes(std::vector<uint32_t> cpus) const { return nodes_of(cpus, sysfs_); }

    std::string sysfs_;
};

TEST_F(TwoNodes, AreThoseOfTheCpusThatAreUsed) {
    EXPECT_EQ(nodes({0, 1}), std::vector<uint32_t>{0});
    EXPECT_EQ(nodes({3}), std::vector<uint32_t>{1});
    EXPECT_EQ(nodes({2, 0}), (std::vector<uint32_t>{0, 1}));
    EXPECT_TRUE(nodes({7}).empty());
}

TEST_F(TwoNodes, OneNodeAloneNeedsNoPolicy) {
    fs::remove_all(fs::path(sysfs_) / "devices/system/node/node1");
    EXPECT_TRUE(nodes({0, 1}).empty());
    EXPECT_TRUE(nodes_of(std::array{0u}, sysfs_ + "/none").empty());
}

int policy_at(void* address) {
    int mode = -1;
    if (syscall(SYS_get_mempolicy, &mode, nullptr, 0, address, MPOL_F_ADDR) != 0) return -1;
    return mode;
}

TEST(PreferNodes, BindsTheRegionsOfAMap) {
    const auto plain = Region::take(8192, "m");
    ASSERT_TRUE(plain.has_value());
    if (policy_at(plain->data()) < 0) GTEST_SKIP() << "this kernel has no NUMA";
    EXPECT_EQ(policy_at(plain->data()), MPOL_DEFAULT);
    for (const uint64_t bytes : {uint64_t{8192}, uint64_t{4} << 20}) {
        const auto near = Region::take(bytes, "m", {.nodes = {0}});
        ASSERT_TRUE(near.has_value()) << near.error().message;
        EXPECT_EQ(policy_at(near->data()), MPOL_PREFERRED);
    }
}

}  // namespace
}  // namespace weir::maps
