// Programs of devmap entries that fault in their own machine code.

#include <rte_mempool.h>

#include "dataplane/out_of_service.h"
#include "tests/unit/dataplane/machine_program.h"
#include "tests/unit/dataplane/redirects_fixture.h"

#if defined(__x86_64__)

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kFaultySlot = 7;

/// Where three ports lead: p0 receives, p1 and p2 only send.
struct Fan {
    RunDir dir;
    std::unique_ptr<Forwarding> forwarding;
    std::optional<RingInput> input;

    Fan() {
        forwarding = start(
            configure({{"net_ring0", "p1"}, {"net_null1,no-rx=1", ""}, {"net_null2,no-rx=1", ""}}),
            dir);
        input.emplace("net_ring0");
    }
    void publish(LambdaProgram::Body judge) const {
        EXPECT_TRUE(forwarding->publish(
            generation(1, {{.ingress = {entry(0, std::move(judge))}, .egress = {}}, {}, {}})));
    }
    /// A packet whose entry's program faults, or one whose does not.
    void put(bool faults) {
        Frame frame(64, 0x11);
        frame[0] = faults ? MachineProgram::kTrigger : uint8_t{0x11};
        input->put_patiently(frame);
    }
    std::vector<OutReport> reports() const {
        std::vector<OutReport> found;
        EXPECT_TRUE(eventually([&] {
            found = forwarding->out_of_service().take_reports();
            return !found.empty();
        }));
        return found;
    }
};

TEST(BoundFaults, CostTheirPacketAndTakeTheProgramOut) {
    in_child([] {
        const auto map = make_devmap(1);
        const MachineProgram program(machine::kReadsNull);
        const BoundProgram bound(program, kFaultySlot);
        set(*map, 0, 2, &bound);
        Fan fan;
        fan.publish([&](vm::XdpContext&, vm::RunEnv& env) { return by_map(env, *map, 0); });
        fan.put(false);
        EXPECT_EQ(settled(*fan.forwarding, 1).ports.at("p1").tx, 1u);
        fan.put(true);
        const auto reports = fan.reports();
        ASSERT_EQ(reports.size(), 1u);
        EXPECT_EQ(reports[0].fault.slot, kFaultySlot);
        EXPECT_EQ(reports[0].fault.signal, SIGSEGV);
        fan.put(false);  // it is not run any more
        const api::Stats stats = settled(*fan.forwarding, 3);
        EXPECT_EQ(dropped(stats.total, "program_fault"), 1u);
        EXPECT_EQ(dropped(stats.total, "redirect_aborted"), 1u);
        EXPECT_EQ(stats.ports.at("p1").tx, 1u);
        EXPECT_EQ(fan.forwarding->program_counters(kFaultySlot).runs, 1u);
    });
}

TEST(BoundFaults, OfACopyCostTheCopyAndItsPacketAndNoBuffer) {
    in_child([] {
        const auto map = make_devmap(3);
        const MachineProgram program(machine::kDivides);
        const BoundProgram bound(program, kFaultySlot);
        set(*map, 0, 2);
        set(*map, 1, 3, &bound);  // for a copy: the packet itself goes by the last
        set(*map, 2, 2);
        Fan fan;
        fan.publish([&](vm::XdpContext&, vm::RunEnv& env) {
            return by_map(env, *map, 0, kBroadcast | kExcludeIngress);
        });
        const rte_mempool* const pool = rte_mempool_lookup("weir_packets");
        const uint32_t buffers = rte_mempool_avail_count(pool);
        fan.put(true);
        EXPECT_EQ(fan.reports().size(), 1u);
        const api::Stats stats = settled(*fan.forwarding, 1);
        EXPECT_EQ(stats.total.cloned, 2u);
        EXPECT_EQ(stats.ports.at("p1").tx, 1u) << "the copy before";
        EXPECT_EQ(dropped(stats.total, "program_fault"), 2u) << "the copy, and the packet";
        EXPECT_EQ(rte_mempool_avail_count(pool), buffers);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing

#endif
