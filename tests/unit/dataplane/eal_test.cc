#include "dataplane/eal.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::dataplane {
namespace {

const Machine kMachine{.cpus = {0, 1, 2, 4}, .hugepage_bytes = 2u << 20, .hugepages_free = 100};

api::Configure request(std::vector<uint32_t> lcores, api::HugepageMode hugepages,
                       uint64_t memory_mib) {
    api::Configure made;
    made.lcores = std::move(lcores);
    made.hugepages = hugepages;
    made.memory_bytes = memory_mib << 20;
    return made;
}

bool has(const EalPlan& plan, const std::string& argument) {
    return std::ranges::find(plan.arguments, argument) != plan.arguments.end();
}

TEST(EalPlan, GivesEachWorkerItsCpuAndTheControlThreadAll) {
    const auto plan = eal_plan(request({2, 4}, api::HugepageMode::Off, 64), {}, "prefix", kMachine);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(has(*plan, "0@2,1@4,2@(0,1,2,4)"));
    EXPECT_TRUE(has(*plan, "--no-huge"));
    EXPECT_TRUE(has(*plan, "--no-pci"));
    EXPECT_FALSE(has(*plan, "--in-memory"));
    EXPECT_TRUE(plan->warnings.empty());
}

TEST(EalPlan, RefusesCpusThatDoNotExist) {
    const auto plan = eal_plan(request({3}, api::HugepageMode::Off, 64), {}, "prefix", kMachine);
    ASSERT_FALSE(plan);
    EXPECT_EQ(
        plan.error().message,
        "workers.lcores: CPU 3 does not exist or is not open to this process; it may use 0-2,4");
    EXPECT_FALSE(eal_plan(request({}, api::HugepageMode::Off, 64), {}, "prefix", kMachine));
    EXPECT_FALSE(eal_plan(request({0}, api::HugepageMode::Off, 1), {}, "prefix", kMachine));
}

TEST(EalPlan, TakesHugepagesWhereEnoughAreFree) {
    const auto enough =
        eal_plan(request({0}, api::HugepageMode::Auto, 200), {}, "prefix", kMachine);
    ASSERT_TRUE(enough);
    EXPECT_TRUE(enough->uses_hugepages);
    EXPECT_TRUE(has(*enough, "--in-memory"));
    const auto too_few =
        eal_plan(request({0}, api::HugepageMode::Auto, 202), {}, "prefix", kMachine);
    ASSERT_TRUE(too_few);
    EXPECT_FALSE(too_few->uses_hugepages);
    ASSERT_EQ(too_few->warnings.size(), 1u);
    EXPECT_NE(too_few->warnings[0].find("`sysctl -w vm.nr_hugepages=101`"), std::string::npos);
    const auto required =
        eal_plan(request({0}, api::HugepageMode::Required, 202), {}, "prefix", kMachine);
    ASSERT_FALSE(required);
    EXPECT_EQ(required.error().kind, ErrorKind::kResource);
}

TEST(EalPlan, LooksAtPciOnlyWhereAPortAsksForIt) {
    const auto plan =
        eal_plan(request({0}, api::HugepageMode::Off, 64), {"0000:3b:00.0"}, "prefix", kMachine);
    ASSERT_TRUE(plan);
    EXPECT_FALSE(has(*plan, "--no-pci"));
    EXPECT_TRUE(has(*plan, "0000:3b:00.0"));
}

TEST(EalPlan, SharesPacketMemoryAsOneWhereAMemifDeviceCopiesNothing) {
    api::Configure asked = request({0}, api::HugepageMode::Auto, 64);
    asked.ports.resize(1);
    asked.ports[0].name = "wan";
    asked.ports[0].device = "net_memif0,role=client,id=0,socket=/run/s,zero-copy=yes";
    const auto plan = eal_plan(asked, {}, "prefix", kMachine);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(has(*plan, "--single-file-segments"));
    asked.hugepages = api::HugepageMode::Off;
    const auto without = eal_plan(asked, {}, "prefix", kMachine);
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().message,
              "ports.wan: device 'net_memif0,role=client,id=0,socket=/run/s,zero-copy=yes': "
              "zero-copy needs hugepages; reserve them, or leave zero-copy away");
    asked.ports[0].device = "net_memif0,role=client,id=0,socket=/run/s";
    const auto copying = eal_plan(asked, {}, "prefix", kMachine);
    ASSERT_TRUE(copying);
    EXPECT_FALSE(has(*copying, "--single-file-segments"));
}

TEST(EalPlan, TellsRunDirectoriesApart) {
    EXPECT_NE(eal_file_prefix("/run/a"), eal_file_prefix("/run/b"));
    EXPECT_EQ(eal_file_prefix("/run/a"), eal_file_prefix("/run/a"));
}

}  // namespace
}  // namespace weir::dataplane
