// What the operator is told of faults, and bypass, over the socket of the real dataplane. The fault
// is real, too: from outside, the test writes instructions that cannot be executed over the
// program's machine code.

#include <gtest/gtest.h>

#include <fcntl.h>

#include <fstream>
#include <sstream>

#include "dataplane/out_of_service.h"
#include "tests/unit/dataplane/commands_fixture.h"

namespace weir::dataplane {
namespace {

class FailuresTest : public CommandsTest {
protected:
    void configure_with(api::FailMode fail) {
        api::Configure wanted = testing_configure();
        wanted.ports[0].fail = fail;
        must(client_->configure(wanted));
    }

    /// False: this kernel, or this user, may not.
    bool spoil_code(api::Handle program) {
        const api::ProgramCode code = must(client_->read_code(program));
        std::ofstream memory("/proc/" + std::to_string(dataplane_.pid()) + "/mem",
                             std::ios::binary | std::ios::in);
        const Bytes halts(code.code.size(), 0xf4);  // hlt: a general protection fault, SIGSEGV
        memory.seekp(static_cast<std::streamoff>(code.address));
        memory.write(reinterpret_cast<const char*>(halts.data()),
                     static_cast<std::streamsize>(halts.size()));
        memory.flush();
        return memory.good();
    }
    api::Status wait_for_warning(const std::string& text) {
        for (int i = 0; i < 500; ++i) {
            api::Status status = must(client_->status());
            for (const std::string& warning : status.warnings)
                if (warning.find(text) != std::string::npos) return status;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        ADD_FAILURE() << "no warning says '" << text << "'";
        return {};
    }
    uint64_t drops(const std::string& reason) { return must(client_->stats()).total.drops[reason]; }
    void wait_for_drops(const std::string& reason) {
        const uint64_t before = drops(reason);
        for (int i = 0; i < 500 && drops(reason) == before; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_GT(drops(reason), before) << reason;
    }
};

TEST_F(FailuresTest, AFaultTakesTheProgramOutAndSaysWhereUntilAnotherOneComes) {
#if !defined(__x86_64__)
    GTEST_SKIP() << "the instruction is one of x86-64";
#endif
    configure_with(api::FailMode::Closed);
    const api::Publish publish = publish_counter();
    wait_for_runs("fw", 1);
    if (!spoil_code(publish.chains[0].programs[0]))
        GTEST_SKIP() << "needs to write to /proc/PID/mem";
    const api::Status status = wait_for_warning("program fw is out of service: SIGSEGV");
    EXPECT_EQ(status.ports[0].out_of_service.find("ingress: program fw: SIGSEGV at address"), 0u)
        << status.ports[0].out_of_service;
    EXPECT_NE(
        status.ports[0].out_of_service.find(" in program fw, between instructions, on worker 0"),
        std::string::npos)
        << "where the fault was, of which the first byte of the code is no instruction's";
    EXPECT_NE(status.ports[0].out_of_service.find("dropped (fail: closed)"), std::string::npos);
    EXPECT_FALSE(must(client_->list_programs())[0].fault.empty());
    wait_for_drops("program_fault");
    // The same program again stays out; a new one comes in.
    must(client_->publish(publish));
    EXPECT_FALSE(must(client_->status()).ports[0].out_of_service.empty());
    publish_counter();
    EXPECT_EQ(must(client_->status()).ports[0].out_of_service, "");
    wait_for_drops("xdp_drop");
}

TEST_F(FailuresTest, BypassIsLoudOutlivesAPublishAndEndsByItself) {
    configure();
    const api::Publish publish = publish_counter();
    wait_for_drops("xdp_drop");
    EXPECT_EQ(must(client_->bypass({})).left_ms, 0u);
    EXPECT_GT(must(client_->bypass({true, 600'000})).left_ms, 590'000u);
    wait_for_warning("bypass: nothing is filtered for another");
    EXPECT_NE(must(client_->status()).bypass_left_ms, 0u);
    wait_for_drops("pass_drop");  // what the port's `pass` says
    must(client_->publish(publish));
    wait_for_drops("pass_drop");
    EXPECT_GT(must(client_->bypass({true, 1})).left_ms, 0u) << "it becomes shorter";
    client_.emplace(dataplane_.connect());  // the one that asked for it is gone
    for (int i = 0; i < 500 && must(client_->status()).bypass_left_ms != 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(must(client_->status()).bypass_left_ms, 0u);
    wait_for_drops("xdp_drop");
}

TEST_F(FailuresTest, BypassBeforeTheFirstGenerationLeavesAClosedPortClosed) {
    configure();
    wait_for_drops("no_generation");
    must(client_->bypass({true, 600'000}));
    wait_for_drops("pass_drop");
    must(client_->bypass({true, 0}));
    wait_for_drops("no_generation");
    EXPECT_FALSE(client_->bypass({true, api::kBypassMsMax + 1}));
}

/// A port whose every burst is above its budget.
class OverBudgetTest : public FailuresTest {
protected:
    static constexpr uint64_t kBurstPackets = 32;  ///< at most

    static api::Configure hasty() {
        api::Configure wanted = testing_configure();
        wanted.ports[0].chain_budget_ns = 1;
        return wanted;
    }
    void wait_for_bursts_of(const std::string& reason) {
        const uint64_t until = drops(reason) + 4 * kBudgetBursts * kBurstPackets;
        for (int i = 0; i < 500 && drops(reason) < until; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_GE(drops(reason), until) << reason;
    }
    std::string out_of_service() { return must(client_->status()).ports[0].out_of_service; }
};

TEST_F(OverBudgetTest, WhatRunsNoChainIsAboveNoBudget) {
    must(client_->configure(hasty()));
    wait_for_bursts_of("no_generation");
    must(client_->bypass({true, 600'000}));
    wait_for_bursts_of("pass_drop");
    must(client_->bypass({true, 0}));
    EXPECT_EQ(drops("chain_over_budget"), 0u);
    EXPECT_EQ(out_of_service(), "");
    publish_counter();
    wait_for_bursts_of("chain_over_budget");
    EXPECT_NE(out_of_service().find("chain_budget is 1 ns"), std::string::npos) << out_of_service();
    must(client_->bypass({true, 600'000}));
    const uint64_t before = drops("chain_over_budget");
    wait_for_bursts_of("pass_drop");
    EXPECT_EQ(drops("chain_over_budget"), before) << "bypass goes for this port, too";
}

TEST_F(OverBudgetTest, TheTimeOfACaptureIsNotTheChains) {
    must(client_->configure(hasty()));
    const int output = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(output, 0);
    const uint32_t capture = must(client_->open_capture({}, output));
    ::close(output);
    publish_counter();
    wait_for_bursts_of("xdp_drop");
    EXPECT_EQ(drops("chain_over_budget"), 0u);
    must(client_->close_capture(capture));
    wait_for_bursts_of("chain_over_budget");
}

TEST_F(OverBudgetTest, AnEgressChainMayBeWhatTakesTooLong) {
    api::Configure wanted = hasty();
    api::PortConfig lan;
    lan.name = "lan";
    lan.device = "net_null1,no-rx=1";
    lan.ifindex = 2;
    wanted.ports.push_back(lan);
    wanted.ports[0].pass = api::PassKind::Port;
    wanted.ports[0].pass_port = "lan";
    must(client_->configure(wanted));
    api::Publish publish = publish_counter();
    publish.chains = {{"lan", true, publish.chains[0].programs}};
    must(client_->publish(publish));
    wait_for_bursts_of("chain_over_budget");
    EXPECT_NE(out_of_service().find("chain_budget is 1 ns"), std::string::npos) << out_of_service();
    EXPECT_EQ(must(client_->status()).ports[1].out_of_service, "");
    const uint64_t runs = runs_of("fw");
    wait_for_bursts_of("chain_over_budget");
    EXPECT_EQ(runs_of("fw"), runs) << "nothing that comes in there meets a chain";
}

TEST_F(FailuresTest, NoThreadKeepsMoreThanItsWorkTakes) {
    configure();
    const std::string tasks = "/proc/" + std::to_string(dataplane_.pid()) + "/task";
    const auto kept = [&] {
        std::map<std::string, uint64_t> found;  // by name and id
        for (const auto& task : std::filesystem::directory_iterator(tasks)) {
            std::ifstream status(task.path() / "status");
            std::string name;
            for (std::string line; std::getline(status, line);) {
                if (line.starts_with("Name:\t")) name = line.substr(6);
                if (line.starts_with("CapEff:"))
                    found[name + " " + task.path().filename().string()] =
                        std::stoull(line.substr(8), nullptr, 16);
            }
        }
        return found;
    };
    constexpr uint64_t kNetAdmin = 1u << 12, kNetRaw = 1u << 13;
    const std::string main_thread = " " + std::to_string(dataplane_.pid());
    const auto is_small = [&] {
        for (const auto& [thread, capabilities] : kept()) {
            const uint64_t allowed = thread.ends_with(main_thread)       ? kNetAdmin | kNetRaw
                                     : thread.starts_with("weir-links ") ? kNetAdmin
                                                                         : 0;
            if ((capabilities & ~allowed) != 0) return false;
        }
        return true;
    };
    for (int i = 0; i < 500 && !is_small(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(is_small());
    EXPECT_GE(kept().size(), 4u) << "main, EAL's, a worker, the watchdog";
    publish_counter();  // everything still works
    wait_for_runs("fw", 1);
}

}  // namespace
}  // namespace weir::dataplane
