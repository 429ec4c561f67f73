// The failure matrix: for each way in which a port can have no chain to run, what `fail` makes of
// its packets. A row is a cause, `closed` and `open` are its cells.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "dataplane/out_of_service.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/machine_program.h"

#if defined(__x86_64__)

namespace weir::dataplane::testing {
namespace {

const Frame kGood(60, 0x11);
const Frame kBad(60, MachineProgram::kTrigger);

/// Ports p0 and p1 are net_ring devices, each its own way back; p0 passes to p1, which drops.
struct Node {
    RunDir dir;
    std::unique_ptr<Forwarding> forwarding;
    std::optional<RingInput> in;

    explicit Node(api::FailMode fail) {
        api::Configure wanted = configure({{"net_ring0", "p1"}, {"net_ring1", ""}});
        wanted.ports[0].fail = fail;
        wanted.ports[0].chain_budget_ns = 20'000;
        forwarding = start(wanted, dir);
        in.emplace("net_ring0");
    }
    void publish(uint64_t number, PortChains chains) const {
        std::vector<PortChains> ports(2);
        ports[0] = std::move(chains);
        EXPECT_TRUE(forwarding->publish(generation(number, std::move(ports))));
    }
    uint64_t drops(const std::string& reason) const {
        return dropped(forwarding->read_stats().ports.at("p0"), reason);
    }
    uint64_t sent() const { return forwarding->read_stats().ports.at("p1").tx; }
};

ChainEntry machine(const machine::Code& code) {
    return {.program = std::make_shared<MachineProgram>(code), .slot = 5};
}

/// Brings the node to where the chain of p0 does not run.
using Cause = std::function<void(Node&)>;

void nothing_published(Node&) {}

void program_faulted(Node& node) {
    node.publish(1, {.ingress = {machine(machine::kReadsNull)}});
    node.in->put_patiently(kBad);
    EXPECT_TRUE(eventually([&] { return node.drops("program_fault") == 1; }));
}

void generation_without_it(Node& node) {
    node.publish(1, {.ingress_out = OutReason::Fault});
}

void program_did_not_end(Node& node) {
    node.publish(1, {.ingress = {machine(machine::kEndless)}});
    node.in->put_patiently(kBad);
    EXPECT_TRUE(eventually([&] { return node.drops("program_fault") == 1; }));
}

void chain_over_budget(Node& node) {
    const auto slow = [](vm::XdpContext&, vm::RunEnv&) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
        while (std::chrono::steady_clock::now() < until) {
        }
        return uint32_t{vm::XDP_DROP};
    };
    node.publish(1, {.ingress = {entry(5, slow)}});
    EXPECT_TRUE(eventually([&] {
        node.in->put(kGood);
        return !node.forwarding->out_of_service().take_reports().empty();
    }));
}

void budget_spent_before(Node& node) {
    node.publish(1, {.ingress_out = OutReason::Budget});
}

struct Row {
    const char* name;
    Cause cause;
    const char* closed;  ///< the reason that packets are dropped for
};

class FailureMatrix : public ::testing::TestWithParam<Row> {};

/// The packets sent now, apart from what the cause itself let through or dropped.
TEST_P(FailureMatrix, ClosedDropsByName) {
    in_child([] {
        Node node(api::FailMode::Closed);
        GetParam().cause(node);
        const uint64_t before = node.drops(GetParam().closed);
        for (int i = 0; i < 10; ++i) node.in->put_patiently(kGood);
        EXPECT_TRUE(eventually([&] { return node.drops(GetParam().closed) >= before + 10; }));
        EXPECT_EQ(node.sent(), 0u);
        EXPECT_EQ(unaccounted(node.forwarding->read_stats().total), 0u);
    });
}

TEST_P(FailureMatrix, OpenForwardsAsPassSays) {
    in_child([] {
        Node node(api::FailMode::Open);
        GetParam().cause(node);
        const uint64_t before = node.sent();
        for (int i = 0; i < 10; ++i) node.in->put_patiently(kGood);
        EXPECT_TRUE(eventually([&] { return node.sent() >= before + 10; }));
        EXPECT_EQ(unaccounted(node.forwarding->read_stats().total), 0u);
    });
}

INSTANTIATE_TEST_SUITE_P(
    Cells, FailureMatrix,
    ::testing::Values(Row{"NoGenerationYet", nothing_published, "no_generation"},
                      Row{"ProgramFaulted", program_faulted, "program_fault"},
                      Row{"ProgramTakenOut", generation_without_it, "program_fault"},
                      Row{"ProgramDidNotEnd", program_did_not_end, "program_fault"},
                      Row{"ChainOverBudget", chain_over_budget, "chain_over_budget"},
                      Row{"ChainTakenOut", budget_spent_before, "chain_over_budget"}),
    [](const auto& cell) { return std::string(cell.param.name); });

TEST(Bypass, ForwardsWhatAnyChainWouldDropAndLosesNothingAtEitherSwitch) {
    in_child([] {
        Node node(api::FailMode::Closed);
        const auto drops_all = [] { return PortChains{.ingress = {returning(5, vm::XDP_DROP)}}; };
        node.publish(1, drops_all());
        uint64_t put = 0;
        for (uint64_t number = 2; number <= 41; ++number) {
            for (int i = 0; i < 50; ++i, ++put) node.in->put_patiently(kGood);
            std::vector<PortChains> ports(2);
            ports[0] = drops_all();
            auto next = generation(number, std::move(ports));
            next->bypass = number % 2 == 0;
            ASSERT_TRUE(node.forwarding->publish(std::move(next)));
        }
        EXPECT_TRUE(eventually([&] { return node.drops("xdp_drop") + node.sent() == put; }));
        EXPECT_GT(node.sent(), 0u);
        EXPECT_GT(node.drops("xdp_drop"), 0u);
    });
}

}  // namespace
}  // namespace weir::dataplane::testing

#endif
