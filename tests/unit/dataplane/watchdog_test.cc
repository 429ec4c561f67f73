// Workers that make no rounds.

#include "dataplane/watchdog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/machine_program.h"

#if defined(__x86_64__)

namespace weir::dataplane::testing {
namespace {

using Clock = std::chrono::steady_clock;
const Frame kGood(60, 0x11);
const Frame kBad(60, MachineProgram::kTrigger);

TEST(Watchdog, TakesAProgramThatDoesNotEndOffItsWorkerWithinASecond) {
    in_child([] {
        const RunDir dir;
        const auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        RingInput in("net_ring0");
        auto program = std::make_shared<MachineProgram>(machine::kEndless);
        std::vector<PortChains> ports(1);
        ports[0].ingress = {{.program = program, .slot = 3}};
        ASSERT_TRUE(forwarding->publish(generation(1, std::move(ports))));
        const Clock::time_point began = Clock::now();
        in.put_patiently(kBad);
        ASSERT_TRUE(eventually(
            [&] { return dropped(forwarding->read_stats().total, "program_fault") == 1; }));
        // A second is what an idle machine needs; this one may be busy.
        EXPECT_LT(Clock::now() - began, std::chrono::seconds(5));
        const std::vector<OutReport> reports = forwarding->out_of_service().take_reports();
        ASSERT_EQ(reports.size(), 1u);
        EXPECT_EQ(reports[0].fault.kind, FaultKind::Stuck);
        EXPECT_EQ(reports[0].fault.instruction, program->trigger_address());
        EXPECT_TRUE(eventually([&] { return !forwarding->watch(0).is_stuck; }));
        EXPECT_EQ(forwarding->read_stats().workers[0].state, api::WorkerState::Running);
        EXPECT_EQ(unaccounted(forwarding->read_stats().total), 0u);
    });
}

TEST(Watchdog, NamesAWorkerThatIsStuckOutsideOfProgramsAndSeesItComeBack) {
    in_child([] {
        const RunDir dir;
        const auto forwarding = start(configure({{"net_ring0", ""}}), dir);
        RingInput in("net_ring0");
        std::atomic<bool> goes_on{false};
        std::vector<PortChains> ports(1);
        ports[0].ingress = {entry(3, [&](vm::XdpContext&, vm::RunEnv&) {
            while (!goes_on) {
            }
            return uint32_t{vm::XDP_DROP};
        })};
        ASSERT_TRUE(forwarding->publish(generation(1, std::move(ports))));
        in.put_patiently(kGood);
        ASSERT_TRUE(eventually([&] { return forwarding->watch(0).instruction != 0; }));
        EXPECT_TRUE(forwarding->watch(0).is_stuck);
        EXPECT_GE(forwarding->watch(0).stuck_ms, kStuckMs);
        EXPECT_EQ(forwarding->read_stats().workers[0].state, api::WorkerState::Stuck);
        const auto refused = forwarding->publish(generation(2, std::vector<PortChains>(1)));
        ASSERT_FALSE(refused) << "it cannot have come to rest";
        EXPECT_NE(refused.error().message.find("worker 0"), std::string::npos);
        goes_on = true;
        EXPECT_TRUE(eventually([&] { return !forwarding->watch(0).is_stuck; }));
        EXPECT_EQ(dropped(forwarding->read_stats().total, "xdp_drop"), 1u)
            << "nobody took it off its packet";
    });
}

}  // namespace
}  // namespace weir::dataplane::testing

#endif
