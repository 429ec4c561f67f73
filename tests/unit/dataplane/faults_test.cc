// Programs that fault in their own machine code, on real workers over net_ring ports.

#include <gtest/gtest.h>

#include <csignal>

#include "dataplane/out_of_service.h"
#include "dataplane/packet_trace.h"
#include "maps/held_locks.h"
#include "tests/unit/dataplane/forwarding_fixture.h"
#include "tests/unit/dataplane/machine_program.h"
#include "tests/unit/dataplane/redirects_fixture.h"

#if defined(__x86_64__)

namespace weir::dataplane::testing {
namespace {

constexpr uint32_t kFaultySlot = 7, kOtherSlot = 8;
const Frame kGood(60, 0x11);
const Frame kBad(60, MachineProgram::kTrigger);

ChainEntry faulty(const machine::Code& code = machine::kReadsNull) {
    return {.program = std::make_shared<MachineProgram>(code), .slot = kFaultySlot};
}

/// p0 passes to p1 and p1 to p0; p0 has the chain.
struct Wire {
    RunDir dir;
    std::unique_ptr<Forwarding> forwarding;
    std::optional<RingInput> in, back;

    explicit Wire(api::FailMode fail, std::vector<uint32_t> lcores = {0}) {
        api::Configure wanted =
            configure({{"net_ring0", "p1"}, {"net_ring1", "p0"}}, std::move(lcores));
        for (api::PortConfig& port : wanted.ports) port.fail = fail;
        forwarding = start(wanted, dir);
        in.emplace("net_ring0");
        back.emplace("net_ring1");
    }
    /// What a net_ring port sends is what it receives next, so that a packet goes on round and
    /// round; only counters tell.
    uint64_t drops(const std::string& reason) const {
        return dropped(forwarding->read_stats().total, reason);
    }
    bool waits_for_drops(const std::string& reason, uint64_t count) const {
        return eventually([&] { return drops(reason) >= count; });
    }
    bool waits_for_tx(const std::string& port, uint64_t count) const {
        return eventually([&] { return forwarding->read_stats().ports.at(port).tx >= count; });
    }
    void publish(uint64_t number, PortChains chains) const {
        std::vector<PortChains> ports(2);
        ports[0] = std::move(chains);
        const auto published = forwarding->publish(generation(number, std::move(ports)));
        EXPECT_TRUE(published) << published.error().message;
    }
    std::vector<OutReport> reports() const {
        std::vector<OutReport> found;
        eventually([&] {
            found = forwarding->out_of_service().take_reports();
            return !found.empty();
        });
        return found;
    }
};

struct Faults {
    const char* name;
    machine::Code code;
    int signal;
};

TEST(Faults, OfEveryKindCostTheirBurstAndNothingElse) {
    const Faults kinds[] = {{"null", machine::kReadsNull, SIGSEGV},
                            {"stray", machine::kStray, SIGSEGV},
                            {"division", machine::kDivides, SIGFPE},
                            {"illegal", machine::kIllegal, SIGILL}};
    for (const Faults& kind : kinds) {
        SCOPED_TRACE(kind.name);
        in_child([&] {
            Wire wire(api::FailMode::Closed);
            auto program = std::make_shared<MachineProgram>(kind.code);
            wire.publish(1, {.ingress = {{.program = program, .slot = kFaultySlot}}});
            wire.in->put_patiently(kBad);
            EXPECT_TRUE(wire.waits_for_drops("program_fault", 1));
            const std::vector<OutReport> reports = wire.reports();
            ASSERT_EQ(reports.size(), 1u);
            EXPECT_EQ(reports[0].reason, OutReason::Fault);
            EXPECT_EQ(reports[0].fault.signal, kind.signal);
            EXPECT_EQ(reports[0].fault.slot, kFaultySlot);
            EXPECT_GE(reports[0].fault.instruction, program->trigger_address());
            EXPECT_LT(reports[0].fault.instruction, program->trigger_address() + kind.code.size());
            EXPECT_EQ(unaccounted(wire.forwarding->read_stats().total), 0u);
        });
    }
}

TEST(Faults, TakeTheProgramOutAtOnce) {
    in_child([] {
        Wire wire(api::FailMode::Closed);
        wire.publish(1, {.ingress = {faulty()}});
        wire.in->put_patiently(kBad);
        ASSERT_TRUE(wire.waits_for_drops("program_fault", 1));
        for (int i = 0; i < 100; ++i) wire.in->put_patiently(i % 2 == 0 ? kBad : kGood);
        ASSERT_TRUE(wire.waits_for_drops("program_fault", 101));
        EXPECT_EQ(wire.forwarding->program_counters(kFaultySlot).runs, 0u);
        EXPECT_EQ(wire.reports().size(), 1u) << "it faulted once and was not run again";
    });
}

TEST(Faults, OpenPortsForwardWhatTheProgramCannotHaveDamaged) {
    in_child([] {
        Wire wire(api::FailMode::Open);
        ChainEntry reader = faulty();
        reader.writes_packets = false;
        wire.publish(1, {.ingress = {reader}});
        wire.in->put_patiently(kBad);
        EXPECT_TRUE(wire.waits_for_tx("p1", 1));
        EXPECT_EQ(wire.drops("program_fault"), 0u);
    });
    in_child([] {
        Wire wire(api::FailMode::Open);
        wire.publish(1, {.ingress = {faulty()}});
        wire.in->put_patiently(kBad);
        EXPECT_TRUE(wire.waits_for_drops("program_fault", 1)) << "its bytes may be half written";
        EXPECT_EQ(wire.forwarding->read_stats().total.tx, 0u);
        wire.in->put_patiently(kBad);
        EXPECT_TRUE(wire.waits_for_tx("p1", 1)) << "no program touched this one";
    });
}

TEST(Faults, AChainGoesOnWithoutAProgramThatMayBeSkipped) {
    in_child([] {
        Wire wire(api::FailMode::Closed);
        ChainEntry reader = faulty();
        reader.writes_packets = false;
        reader.skip_on_fault = true;
        wire.publish(1, {.ingress = {returning(kOtherSlot, vm::XDP_PASS), reader,
                                     returning(kOtherSlot + 1, vm::XDP_DROP)}});
        wire.in->put_patiently(kBad);
        wire.in->put_patiently(kBad);
        EXPECT_TRUE(wire.waits_for_drops("xdp_drop", 2));
        EXPECT_EQ(wire.drops("program_fault"), 0u);
        EXPECT_TRUE(eventually([&] {
            return wire.forwarding->program_counters(kOtherSlot).runs == 2;
        })) << "those in front of it ran once for each packet";
    });
}

TEST(Faults, OfTwoProgramsOfOneBurstAreBothSurvived) {
    in_child([] {
        Wire wire(api::FailMode::Closed);
        ChainEntry first = faulty(), second = faulty(machine::kDivides);
        first.skip_on_fault = second.skip_on_fault = true;
        first.writes_packets = second.writes_packets = false;
        second.slot = kOtherSlot;
        wire.publish(1, {.ingress = {first, second, returning(kOtherSlot + 1, vm::XDP_DROP)}});
        for (int i = 0; i < 20; ++i) wire.in->put_patiently(kBad);
        EXPECT_TRUE(wire.waits_for_drops("xdp_drop", 20));
        EXPECT_EQ(unaccounted(wire.forwarding->read_stats().total), 0u);
    });
}

TEST(Faults, OnTheWayOutCountAtThePortThatPacketsLeaveBy) {
    in_child([] {
        Wire wire(api::FailMode::Closed);
        std::vector<PortChains> ports(2);
        ports[1].egress = {faulty()};
        ASSERT_TRUE(wire.forwarding->publish(generation(1, std::move(ports))));
        wire.in->put_patiently(kBad);
        wire.in->put_patiently(kGood);
        EXPECT_TRUE(eventually([&] {
            return dropped(wire.forwarding->read_stats().ports.at("p1"), "program_fault") == 2;
        }));
    });
}

TEST(Faults, TheGenerationAfterRunsAsItSays) {
    in_child([] {
        Wire wire(api::FailMode::Closed);
        wire.publish(1, {.ingress = {faulty()}});
        wire.in->put_patiently(kBad);
        ASSERT_TRUE(wire.waits_for_drops("program_fault", 1));
        wire.publish(2, {.ingress_out = OutReason::Fault});
        wire.in->put_patiently(kGood);
        ASSERT_TRUE(wire.waits_for_drops("program_fault", 2));
        wire.publish(3, {.ingress = {returning(kOtherSlot, vm::XDP_DROP)}});
        wire.in->put_patiently(kGood);
        EXPECT_TRUE(wire.waits_for_drops("xdp_drop", 1));
    });
}

TEST(Faults, OfAChosenPacketCostATraceNoneOfThoseAskedFor) {
    in_child([] {
        Wire wire(api::FailMode::Closed);
        auto order = std::make_shared<TraceOrder>();
        order->left = 3;
        WorkerTrace trace(order, 0);
        wire.publish(1, {.ingress = {faulty()}});
        wire.forwarding->arm_trace(0, &trace);
        ASSERT_TRUE(wire.in->put_burst({kBad, kGood, kGood, kGood}));
        EXPECT_TRUE(wire.waits_for_drops("program_fault", 4));
        EXPECT_EQ(order->left, 3u) << "the one that faulted, and two chosen behind it";
        EXPECT_EQ(trace.take(), nullptr);
        wire.publish(2, {.ingress = {returning(kOtherSlot, vm::XDP_DROP)}});
        for (int i = 0; i < 3; ++i) wire.in->put_patiently(kGood);
        EXPECT_TRUE(wire.waits_for_drops("xdp_drop", 3));
        uint32_t traced = 0;
        EXPECT_TRUE(eventually([&] {
            while (PacketTrace* made = trace.take()) {
                ++traced;
                trace.give_back(made);
            }
            return traced == 3;
        }));
        wire.forwarding->arm_trace(0, nullptr);
    });
}

/// An abort for each frame that is not kBad.
ChainEntry aborting(uint32_t slot) {
    return entry(slot, [slot](vm::XdpContext& context, vm::RunEnv& env) -> uint32_t {
        if (context.data[0] == MachineProgram::kTrigger) return vm::XDP_PASS;
        vm::note_abort(env.aborts, slot, 1);  // as engines do
        return vm::XDP_ABORTED;
    });
}

uint64_t aborted(const Forwarding& forwarding, uint32_t slot) {
    uint64_t count = 0;
    for (const api::AbortedAt& exit : forwarding.program_counters(slot).aborted)
        count += exit.count;
    return count;
}

/// Two bursts have more exits than the log holds, and the end of the first is never reached.
TEST(Faults, LoseNoAbortOfTheirBurstAndOfTheNext) {
    for (const size_t at : {size_t{kRxBurstPackets} - 1, size_t{kRxBurstPackets} / 2, size_t{0}}) {
        SCOPED_TRACE(at);
        in_child([at] {
            Wire wire(api::FailMode::Closed);
            wire.publish(1, {.ingress = {aborting(kOtherSlot), faulty()}});
            std::vector<Frame> frames(2 * kRxBurstPackets, kGood);
            frames[at] = kBad;
            ASSERT_TRUE(wire.in->put_burst(frames));
            EXPECT_TRUE(wire.waits_for_drops("xdp_aborted", frames.size() - 1));
            EXPECT_EQ(wire.drops("program_fault"), 1u);
            EXPECT_EQ(aborted(*wire.forwarding, kOtherSlot), frames.size() - 1);
            EXPECT_EQ(unaccounted(wire.forwarding->read_stats().total), 0u);
        });
    }
}

/// A program behind a cpumap's entry faults between packets for which another one aborts.
TEST(Faults, BehindACpumapLoseNoPacketAndNoAbortOfTheirRound) {
    in_child([] {
        constexpr uint32_t kTaker = 1, kFrames = 2 * kRxBurstPackets;
        const auto refusing = make_map<maps::Cpumap>(vm::MapType::Cpumap, 2);
        const auto faulting = make_map<maps::Cpumap>(vm::MapType::Cpumap, 2);
        const ChainEntry refuses = aborting(kOtherSlot);
        const MachineProgram faults(machine::kReadsNull);
        const BoundProgram first(*refuses.program, kOtherSlot), second(faults, kFaultySlot);
        set(*refusing, kTaker, maps::kCpumapQueueMax, &first);
        set(*faulting, kTaker, maps::kCpumapQueueMax, &second);
        Wire wire(api::FailMode::Closed, {0, 1});
        wire.forwarding->connect_workers();
        const auto judge = [&](vm::XdpContext& context, vm::RunEnv& env) {
            const bool is_bad = context.data[0] == MachineProgram::kTrigger;
            return by_map(env, is_bad ? *faulting : *refusing, kTaker);
        };
        wire.publish(1, {.ingress = {entry(1, judge)}});
        std::vector<Frame> frames(kFrames, kGood);
        frames[kRxBurstPackets - 1] = kBad;
        ASSERT_TRUE(wire.in->put_burst(frames));
        EXPECT_TRUE(wire.waits_for_drops("redirect_aborted", kFrames - 1));
        EXPECT_EQ(wire.drops("program_fault"), 1u);
        EXPECT_EQ(aborted(*wire.forwarding, kOtherSlot), kFrames - 1);
        settled(*wire.forwarding, kFrames);
    });
}

int* volatile nowhere = reinterpret_cast<int*>(uint64_t{8});

/// The child's end, with what it said on standard error.
int end_of_child(const std::function<void()>& body, std::string& said) {
    int pipe_ends[2];
    EXPECT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        dup2(pipe_ends[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    close(pipe_ends[1]);
    char text[512];
    for (ssize_t got = 0; (got = read(pipe_ends[0], text, sizeof text)) > 0;)
        said.append(text, static_cast<size_t>(got));
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

TEST(Faults, OutsideOfProgramsEndTheProcessWithItsWorkersName) {
    std::string said;
    const int end = end_of_child(
        [] {
            Wire wire(api::FailMode::Open);
            wire.publish(1, {.ingress = {entry(kFaultySlot, [](vm::XdpContext&, vm::RunEnv&) {
                                 *nowhere = 1;
                                 return 0u;
                             })}});
            wire.in->put_patiently(kGood);
            wire.waits_for_drops("program_fault", 1);
        },
        said);
    EXPECT_EQ(end, SIGSEGV) << said;
    EXPECT_NE(said.find("weir-dataplane: worker 0: SIGSEGV at address 0x8"), std::string::npos)
        << said;
}

TEST(Faults, OfAProgramThatHoldsALockEndTheProcess) {
    std::string said;
    const int end = end_of_child(
        [] {
            Wire wire(api::FailMode::Open);
            wire.publish(1, {.ingress = {entry(kOtherSlot,
                                               [](vm::XdpContext&, vm::RunEnv&) {
                                                   ++maps::held_locks;
                                                   return uint32_t{vm::XDP_PASS};
                                               }),
                                         faulty()}});
            wire.in->put_patiently(kBad);
            wire.waits_for_drops("program_fault", 1);
        },
        said);
    EXPECT_EQ(end, SIGSEGV) << said;
    EXPECT_NE(said.find("of a program that cannot be taken off"), std::string::npos) << said;
}

TEST(ChainBudget, TakesAChainOutThatIsAboveItForManyBurstsInARow) {
    for (const bool open : {false, true}) {
        in_child([open] {
            RunDir dir;
            api::Configure wanted = configure({{"net_ring0", ""}, {"net_ring1", ""}});
            wanted.ports[0].chain_budget_ns = 20'000;
            wanted.ports[0].fail = open ? api::FailMode::Open : api::FailMode::Closed;
            const auto forwarding = start(wanted, dir);
            RingInput in("net_ring0"), other("net_ring1");
            const auto slow = [](vm::XdpContext&, vm::RunEnv&) {
                const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
                while (std::chrono::steady_clock::now() < until) {
                }
                return uint32_t{vm::XDP_DROP};
            };
            std::vector<PortChains> ports(2);
            ports[0].ingress = {entry(1, slow)};
            ports[1].ingress = {entry(2, slow)};
            ASSERT_TRUE(forwarding->publish(generation(1, std::move(ports))));
            const char* reason = open ? "pass_drop" : "chain_over_budget";
            EXPECT_TRUE(eventually([&] {
                in.put(kGood);
                other.put(kGood);
                return dropped(forwarding->read_stats().total, reason) != 0;
            }));
            const api::Stats stats = forwarding->read_stats();
            EXPECT_GE(dropped(stats.ports.at("p0"), "xdp_drop"), kBudgetBursts);
            EXPECT_EQ(dropped(stats.ports.at("p1"), reason), 0u) << "that port has no budget";
            const auto reports = forwarding->out_of_service().take_reports();
            ASSERT_EQ(reports.size(), 1u);
            EXPECT_EQ(reports[0].reason, OutReason::Budget);
            EXPECT_EQ(reports[0].port, 0u);
        });
    }
}

}  // namespace
}  // namespace weir::dataplane::testing

#endif
